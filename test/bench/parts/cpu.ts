// Who used how much of the machine over a stretch of time.
import { figure } from "../table.ts";
import { cpuSeconds, machineCpuSeconds } from "./proc.ts";
import { rounded } from "./statistics.ts";

export interface CpuWatch {
  /**
   * Cores used by each since the start, on average: 0.5 is half of one core. `others`: the rest of the machine; `stolen`: what
   * it was denied by its hypervisor.
   */
  cores(): Record<string, number>;
}

/** `pids`: processes by name; each counts with its children. */
export function watchCpu(pids: Record<string, number[]>): CpuWatch {
  const look = () => ({
    at: performance.now() / 1000,
    machine: machineCpuSeconds(),
    by: Object.entries(pids).map(
      ([name, list]) => [name, list.reduce((sum, pid) => sum + cpuSeconds(pid), 0)] as const,
    ),
  });
  const start = look();
  return {
    cores() {
      const end = look();
      const seconds = end.at - start.at;
      const used = end.by.map(([name, cpu], at) => [name, (cpu - start.by[at]![1]) / seconds] as const);
      const machine = (end.machine.used - start.machine.used) / seconds;
      const others = Math.max(0, machine - used.reduce((sum, [, cores]) => sum + cores, 0));
      const stolen = (end.machine.stolen - start.machine.stolen) / seconds;
      return Object.fromEntries([...used, ["others", others] as const, ["stolen", stolen] as const]);
    },
  };
}

export const cpuLine = (cores: Record<string, number>): string =>
  `CPU (cores): ${Object.entries(cores)
    .map(([name, value]) => `${name} ${figure(value)}`)
    .join(", ")}`;

export const cpuFigures = (cores: Record<string, number>, prefix = "cpu"): Record<string, number> =>
  Object.fromEntries(Object.entries(cores).map(([name, value]) => [`${prefix}_${name}_cores`, rounded(value)]));
