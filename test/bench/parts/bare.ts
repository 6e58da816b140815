// The yardstick's run: a queue filled over REST like the product's own, and a process that works it off with bare SQL.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { brokenRules } from "../../support/world/invariants.ts";
import type { Bench } from "../row.ts";
import type { BareOptions, BareResult } from "./bareLoop.ts";
import { watchCpu } from "./cpu.ts";
import { setStage } from "./stage.ts";
import { fillQueue, SLOTS } from "./throughput.ts";

const SCRIPT = fileURLToPath(new URL("bareLoop.ts", import.meta.url));
const CONNECTIONS = 16;

export interface BareLoad {
  businesses: number;
  /** More than can be called in the time. */
  leadsEach: number;
  forMs: number;
}

export async function measureBareSql(
  bench: Bench,
  load: BareLoad,
): Promise<{ callsPerSecond: number; calls: number; cores: Record<string, number> }> {
  const stage = await setStage(bench);
  const api = await stage.start("api");
  const businesses = await fillQueue(stage, load);
  await api.stop();
  const options: BareOptions = {
    url: stage.url,
    businesses,
    slots: SLOTS,
    connections: CONNECTIONS,
    forMs: load.forMs,
  };
  const child = spawn(process.execPath, [SCRIPT], { stdio: ["pipe", "pipe", "inherit"] });
  bench.scope.after(() => void child.kill("SIGKILL"));
  const exited = once(child, "exit");
  const output = text(child.stdout);
  child.stdin.end(JSON.stringify(options));
  // Neither its start nor its end.
  const untilShare = (share: number) => Promise.race([exited, sleep(load.forMs * share, undefined, { ref: false })]);
  await untilShare(0.3);
  const watch = watchCpu({ loop: [child.pid ?? 0], postgres: [stage.postgresPid] });
  await untilShare(0.5);
  const cores = watch.cores();
  await exited;
  const { calls, startMs, endMs } = JSON.parse(await output) as BareResult;
  if (calls === load.businesses * load.leadsEach) bench.say("bare SQL ran out of leads");
  for (const [rule, found] of Object.entries(await brokenRules(stage.db)))
    if (found.length > 0) throw new Error(`bare SQL broke a rule, ${rule}: ${JSON.stringify(found.slice(0, 3))}`);
  return { callsPerSecond: (calls / (endMs - startMs)) * 1000, calls, cores };
}
