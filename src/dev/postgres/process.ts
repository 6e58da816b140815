// Questions about other processes: whether a pid still means the process that wrote it down.

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const ON_LINUX = process.platform === "linux";
const POLL_MS = 10;

/** Whether the system knows the pid, be it as a zombie: in a container without an init process those stay for ever. */
export function isTaken(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

export function isRunning(pid: number): boolean {
  return isTaken(pid) && statFields(pid)[0] !== "Z";
}

/** The pid and what tells it from a later process with the same pid (Linux: the start time in clock ticks). */
export function processMark(pid: number): string {
  return `${pid} ${statFields(pid)[19] ?? "-"}`;
}

/** A postmaster and its backends have their data directory as their working directory, from their first moment. */
export function worksIn(pid: number, folder: string): boolean {
  if (!isRunning(pid)) return false;
  if (!ON_LINUX)
    return spawnSync("ps", ["-o", "args=", "-p", String(pid)])
      .stdout.toString()
      .includes(folder);
  try {
    return [folder, `${folder} (deleted)`].includes(readlinkSync(`/proc/${pid}/cwd`));
  } catch {
    return false;
  }
}

/** Linux only; elsewhere nobody is found. */
export function anyoneWorksIn(folder: string): boolean {
  if (!ON_LINUX) return false;
  return readdirSync("/proc").some((entry) => /^\d+$/.test(entry) && worksIn(Number(entry), folder));
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Asks again until the answer is not undefined or false. Resolves to undefined when the time is up. */
export async function poll<T>(timeoutMs: number, ask: () => T | Promise<T>): Promise<T | undefined> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) return undefined;
    await sleep(POLL_MS);
  }
}

/** The fields of /proc/<pid>/stat behind the name, which may contain blanks and brackets: state, ppid, ... */
function statFields(pid: number): string[] {
  if (!ON_LINUX) return [];
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
