// Where a process spent its time, from the profile that `--cpu-prof` wrote (BENCH_PROFILE=1).
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { BENCH_FOLDER } from "./child.ts";

export interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string } }[];
  samples: number[];
  /** Microseconds since the sample before. */
  timeDeltas: number[];
}

const SHOWN = 15;

/** Self time by function, dearest first, as a share of all the time that was not idle. Pure. */
export function hottest({ nodes, samples, timeDeltas }: CpuProfile): { where: string; share: number }[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const spent = new Map<string, number>();
  samples.forEach((node, n) => {
    const name = names.get(node) ?? "?";
    spent.set(name, (spent.get(name) ?? 0) + (timeDeltas[n] ?? 0));
  });
  spent.delete("(idle)");
  const all = [...spent.values()].reduce((sum, us) => sum + us, 0);
  return [...spent].map(([where, us]) => ({ where, share: us / all })).sort((a, b) => b.share - a.share);
}

function nameOf({ functionName, url }: { functionName: string; url: string }): string {
  const name = functionName || "(anonymous)";
  if (!url) return name;
  const packages = url.split("node_modules/");
  return `${name} ${packages.length > 1 ? packages.at(-1)!.split("/").slice(0, 2).join("/") : basename(url)}`;
}

/** One line for each process that has ended; none for one that was not profiled. */
export function profileLines(names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const file = join(BENCH_FOLDER, "profiles", `${name}.cpuprofile`);
    if (!existsSync(file)) return [];
    const profile = JSON.parse(readFileSync(file, "utf8")) as CpuProfile;
    const top = hottest(profile).slice(0, SHOWN);
    return [`${name}: ${top.map(({ where, share }) => `${(share * 100).toFixed(1)} % ${where}`).join(", ")}`];
  });
}
