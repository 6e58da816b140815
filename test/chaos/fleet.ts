// The processes under the fault drill: started, killed, frozen, and started again. One that ends without having been
// told to is a failure.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";

const SCRIPT = fileURLToPath(new URL("process.ts", import.meta.url));
const QUICK_START = fileURLToPath(new URL("../../src/quickStart.ts", import.meta.url));
/** A drain may take ten seconds, and the machine is busy. */
const LONGEST_DRAIN_MS = 12_000;

export type Role = "worker" | "api" | "reap";

export interface FleetOptions {
  /** Orders and logs. */
  folder: string;
  env: Record<string, string>;
}

export class Member {
  readonly role: Role;
  readonly name: string;
  readonly #options: FleetOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<unknown> = Promise.resolve();
  #expected = false;
  #ready = false;
  /** What a conductor must report: ends that nobody asked for, drains that took too long. */
  readonly faults: string[] = [];
  output = "";

  constructor(role: Role, name: string, options: FleetOptions) {
    this.role = role;
    this.name = name;
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.alive ? this.#child?.pid : undefined;
  }

  get alive(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get ready(): boolean {
    return this.alive && this.#ready;
  }

  /** Resolves when it is ready, or has ended before that (Postgres may be away). @returns whether it is ready */
  async start(): Promise<boolean> {
    const { folder, env } = this.#options;
    const log = openSync(join(folder, `${this.name}.log`), "a");
    this.#expected = false;
    this.#ready = false;
    this.output = "";
    const child = spawn(process.execPath, ["--import", QUICK_START, SCRIPT, this.role, this.name, folder], {
      stdio: ["pipe", "pipe", log],
      env: { PATH: process.env["PATH"] ?? "", ...env },
    });
    this.#child = child;
    this.#exited = this.#watch(child);
    child.stdin?.on("error", () => {});
    const lines = createInterface({ input: child.stdout! });
    const line = new Promise<true>((resolve) => {
      lines.on("line", (text) => {
        if (text === "ready") {
          this.#ready = true;
          resolve(true);
        } else this.output += `${text}\n`;
      });
    });
    return await Promise.race([line, this.#exited.then(() => false)]);
  }

  async #watch(child: ChildProcess): Promise<void> {
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    if (!this.#expected && this.#ready) this.faults.push(`${this.name} ended by itself: ${code ?? signal}`);
  }

  /** Starts again until it is ready. */
  async startAgain(): Promise<void> {
    while (!(await this.start())) await sleep(200);
  }

  async kill(): Promise<void> {
    this.#expected = true;
    this.#child?.kill("SIGKILL");
    await this.#exited;
  }

  /** It will end, or has ended, by an order. */
  expectEnd(): void {
    this.#expected = true;
  }

  async ended(): Promise<void> {
    await this.#exited;
  }

  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  /** SIGTERM, and SIGKILL if that does not end it. @returns how long it took */
  async terminate(): Promise<number> {
    this.#expected = true;
    const since = performance.now();
    this.#child?.kill("SIGTERM");
    const inTime = await Promise.race([this.#exited.then(() => true), sleep(LONGEST_DRAIN_MS, false, { ref: false })]);
    if (!inTime) {
      this.faults.push(`${this.name} did not end within ${LONGEST_DRAIN_MS} ms of SIGTERM`);
      await this.kill();
    }
    return performance.now() - since;
  }
}
