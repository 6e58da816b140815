// What the kernel knows of processes (/proc). On systems without it the figures are NaN.
import { readdirSync, readFileSync } from "node:fs";

interface Stat {
  parent: number;
  /** User and system time in seconds: its own, and that of children that have ended and were waited for. */
  own: number;
  ended: number;
}

/** USER_HZ: what the kernel shows to programs, whatever its own ticks are. */
const TICKS_PER_SECOND = 100;

function statOf(pid: number | string): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The name may have spaces and brackets: what counts comes behind the last one. Fields 4, and 14 to 17 of proc(5).
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const seconds = (from: number) => (Number(fields[from]) + Number(fields[from + 1])) / TICKS_PER_SECOND;
  return { parent: Number(fields[1]), own: seconds(11), ended: seconds(13) };
}

/** The process and its living children: Postgres' own and its backends. */
export function family(pid: number): number[] {
  const children = readProc().filter((name) => statOf(name)?.parent === pid);
  return [pid, ...children.map(Number)];
}

function readProc(): string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** CPU seconds so far of the process and its children, those that have ended included; of this process its own. */
export function cpuSeconds(pid: number): number {
  if (pid === process.pid) return statOf(pid)?.own ?? Number.NaN;
  const stats = family(pid).map(statOf);
  return stats[0] ? stats.reduce((sum, one) => sum + (one ? one.own + one.ended : 0), 0) : Number.NaN;
}

/** CPU seconds so far of the whole machine, idle time left out; `stolen`: what a hypervisor gave to others instead. */
export function machineCpuSeconds(): { used: number; stolen: number } {
  try {
    const fields = readFileSync("/proc/stat", "utf8").split("\n")[0]!.split(/\s+/).slice(1).map(Number);
    const seconds = (at: number) => (fields[at] ?? 0) / TICKS_PER_SECOND;
    // user, nice, system, (idle, iowait), irq, softirq, steal
    return { used: [0, 1, 2, 5, 6].reduce((sum, at) => sum + seconds(at), 0), stolen: seconds(7) };
  } catch {
    return { used: Number.NaN, stolen: Number.NaN };
  }
}

/** Resident memory of one process in megabytes, now and at its highest. */
export function memoryMb(pid: number): { now: number; highest: number } {
  let text = "";
  try {
    text = readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    // Gone, or no /proc: NaN below.
  }
  const megabytes = (field: string) => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(text)?.[1]) / 1024;
  return { now: megabytes("VmRSS"), highest: megabytes("VmHWM") };
}
