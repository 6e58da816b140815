// The product's processes as they are deployed: `node src/main.ts api`, `... worker`, with their logs in files.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Scope } from "../../support/postgres.ts";
import { holdsNumber } from "../../support/numbersIn.ts";
import { until } from "../../support/until.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
/** Logs of the processes, and with BENCH_PROFILE=1 their CPU profiles. */
export const BENCH_FOLDER = join(ROOT, ".data/bench");
export const PROFILING = process.env["BENCH_PROFILE"] === "1";
/** A drain may take ten seconds. */
const LONGEST_DRAIN_MS = 12_000;
/** A second on an idle machine, half a minute on a crowded one. */
const START_MS = 120_000;

export interface Child {
  pid: number;
  /** Of its log and its profile. */
  name: string;
  /** SIGTERM, and SIGKILL if that does not end it. */
  stop(): Promise<void>;
}

/** Starts one and waits until its log says that it is ready. It ends with the scope. */
export async function startChild(
  scope: Scope,
  role: "api" | "worker",
  name: string,
  env: Record<string, string>,
): Promise<Child> {
  mkdirSync(join(BENCH_FOLDER, "logs"), { recursive: true });
  const file = join(BENCH_FOLDER, "logs", `${name}.log`);
  const log = openSync(file, "w");
  const profile = PROFILING
    ? ["--cpu-prof", `--cpu-prof-dir=${join(BENCH_FOLDER, "profiles")}`, `--cpu-prof-name=${name}.cpuprofile`]
    : [];
  const child = spawn(process.execPath, [...profile, "src/main.ts", role], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "ignore", log],
  });
  closeSync(log);
  const exited = once(child, "exit");
  const gone = () => child.exitCode !== null || child.signalCode !== null;
  const stop = async () => {
    if (gone()) return;
    child.kill("SIGTERM");
    await Promise.race([exited, sleep(LONGEST_DRAIN_MS, undefined, { ref: false })]);
    if (!gone()) child.kill("SIGKILL");
    await exited;
    const lines = readFileSync(file, "utf8").split("\n");
    if (lines.some((line) => holdsNumber(line))) throw new Error(`a phone number in the log of ${name}`);
  };
  scope.after(stop);
  const ready = () => {
    const text = readFileSync(file, "utf8");
    if (gone()) throw new Error(`${name} ended before it was ready:\n${text.slice(-2_000)}`);
    return text.includes(`${role}: ready`);
  };
  await until(ready, `${name} ready`, START_MS);
  return { pid: child.pid ?? 0, name, stop };
}
