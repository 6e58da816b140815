// Calls of a given length, some businesses, leads enough for so long: an almost idle machine.
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { rows, type Database } from "../../../db/client.ts";
import type { ScriptRule } from "../../../src/dev/twilio/scripts.ts";
import type { CallView } from "../../../src/dev/twilio/observer.ts";
import type { StandInEvent } from "../../../src/dev/twilio/events.ts";
import type { Bench } from "../row.ts";
import { cpuFigures, watchCpu } from "./cpu.ts";
import { tapeEvents } from "./eventTape.ts";
import type { AttemptTimes } from "./gaps.ts";
import { checkInvariants } from "./invariants.ts";
import { fillQueue, SLOTS } from "./throughput.ts";
import { setStage } from "./stage.ts";

export interface SteadyLoad {
  businesses: number;
  callMs: number;
  forMs: number;
}

/**
 * Calls that ring at once. Their lengths differ by a tenth up and down, so that a business's slots do not stay in step:
 * what is measured is one slot's refill, not three at once.
 */
export const callsOf = (ms: number): ScriptRule[] => [
  { initiateAfterMs: 0, ringAfterMs: 0, answerAfterMs: 0, talkMs: [ms * 0.9, ms * 1.1], outcome: "answered" },
];

export interface Steady {
  /** Creates and ends. */
  events: StandInEvent[];
  calls: CallView[];
  /** By token. */
  times: Map<string, AttemptTimes>;
  figures: Record<string, number>;
}

export async function measureSteadyCalls(bench: Bench, { businesses, callMs, forMs }: SteadyLoad): Promise<Steady> {
  const stage = await setStage(bench, { carrier: { scripts: callsOf(callMs) } });
  const { carrier } = stage;
  const api = await stage.start("api");
  // More than can be called in the time: leads remain until the end.
  const leadsEach = Math.ceil(1.2 * (forMs / callMs) * SLOTS);
  const filled = await fillQueue(stage, { businesses, leadsEach });
  const tape = tapeEvents(carrier, ({ kind, event }) => kind === "create.arrived" || event === "completed");
  const worker = await stage.start("worker");
  const watch = watchCpu({
    worker: [worker.pid],
    api: [api.pid],
    carrier: [carrier.pid],
    postgres: [stage.postgresPid],
    bench: [process.pid],
  });
  await sleep(forMs);
  const cores = watch.cores();
  await worker.stop();
  await carrier.waitFor((r) => r.liveNow === 0 && r.callbacks.pending === 0, 60_000);
  await checkInvariants(stage, filled);
  return {
    events: await tape.stop(),
    calls: await carrier.calls(),
    times: await attemptTimes(stage.db),
    figures: cpuFigures(cores),
  };
}

async function attemptTimes(db: Database): Promise<Map<string, AttemptTimes>> {
  const ms = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::float8`);
  const found = await rows<AttemptTimes & { token: string }>(
    db,
    sql`select token, ${ms("claimed_at")} as "claimedMs", ${ms("begun_at")} as "begunMs", ${ms("closed_at")} as "closedMs"
          from outbound_call_attempts`,
  );
  return new Map(found.map((attempt) => [attempt.token, attempt]));
}
