// Commands as a person runs them: the real program, in a process and a data folder of its own.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { holdsNumber } from "../support/numbersIn.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What the Makefile gives to Node. */
const FLAGS =
  /^MAIN := node (.*) src\/main\.ts$/m.exec(readFileSync(join(ROOT, "Makefile"), "utf8"))?.[1]?.split(" ") ?? [];

export interface Cli {
  dataDir: string;
  /** Runs a command to its end. */
  run(args: string[], env?: Record<string, string>): Promise<{ code: number | null; out: string; err: string }>;
  /** Starts a command that goes on; killed at the end of the test. */
  start(args: string[], env?: Record<string, string>): Started;
}

export interface Started {
  child: ChildProcess;
  /** What it has written so far, both streams. */
  text(): string;
  /** Until it has written this; throws when it ends before. */
  says(pattern: RegExp, ms?: number): Promise<RegExpMatchArray>;
  /** Ended, and all that it wrote has been read. */
  exited: Promise<number | null>;
}

export function cli(t: TestContext): Cli {
  const dataDir = mkdtempSync(join(ROOT, ".data-test-"));
  const started: Started[] = [];
  t.after(async () => {
    for (const { child } of started) if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    await Promise.all(started.map((s) => s.exited));
    rmSync(dataDir, { recursive: true, force: true });
    const lines = started.flatMap((s) => s.text().split("\n"));
    assert.deepEqual(
      lines.filter((line) => holdsNumber(line)),
      [],
      "no phone number is in the log",
    );
  });
  const start = (args: string[], env: Record<string, string> = {}): Started => {
    const child = spawn(process.execPath, [...FLAGS, join(ROOT, "src/main.ts"), ...args], {
      cwd: ROOT,
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: process.env["HOME"] ?? "",
        DATA_DIR: dataDir.slice(ROOT.length),
        PORT: "0",
        ...env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    const wake = new Set<() => void>();
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        for (const look of wake) look();
      });
    // Not "exit": its last words may still be on their way then.
    const exited = once(child, "close").then(([code]) => code as number | null);
    const says = (pattern: RegExp, ms = 30_000) =>
      new Promise<RegExpMatchArray>((resolve, reject) => {
        const done = (finish: () => void) => {
          wake.delete(look);
          clearTimeout(timer);
          finish();
        };
        const look = () => {
          const match = text.match(pattern);
          if (match) done(() => resolve(match));
        };
        const timer = setTimeout(() => done(() => reject(new Error(`never said ${pattern}:\n${text}`))), ms);
        wake.add(look);
        void exited.then(() => done(() => reject(new Error(`ended without saying ${pattern}:\n${text}`))));
        look();
      });
    const self = { child, text: () => text, says, exited };
    started.push(self);
    return self;
  };
  return {
    dataDir,
    start,
    async run(args, env) {
      const { child, exited } = start(args, env);
      let out = "";
      let err = "";
      child.stdout?.on("data", (chunk: Buffer) => (out += chunk.toString()));
      child.stderr?.on("data", (chunk: Buffer) => (err += chunk.toString()));
      const code = await exited;
      return { code, out, err };
    },
  };
}
