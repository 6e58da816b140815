// The product at full speed: so many leads waiting before a worker starts, calls without ring and talk, until all of them
// have been called. From the first request that the carrier receives to the end of the last job.
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { row } from "../../../db/client.ts";
import type { Business } from "../../support/world/factories.ts";
import type { Bench } from "../row.ts";
import { PROFILING } from "./child.ts";
import { cpuFigures, watchCpu } from "./cpu.ts";
import { checkAllCalled, checkInvariants } from "./invariants.ts";
import { enqueue, insertBusinesses, insertLeads } from "./people.ts";
import { memoryMb } from "./proc.ts";
import { profileLines } from "./profile.ts";
import { rounded } from "./statistics.ts";
import { setStage, type Stage } from "./stage.ts";
import { resetStatements, topStatements } from "./statements.ts";

export interface Load {
  businesses: number;
  leadsEach: number;
  workers: number;
  /** What has not been called by then stays queued, and the speed is that of the calls that have ended. */
  longestMs: number;
}

export interface Throughput {
  callsPerSecond: number;
  /** Cores used while the middle of the calls was made, by process. */
  cores: Record<string, number>;
  figures: Record<string, number>;
  /** With BENCH_PROFILE=1: where our processes and Postgres spent their time. */
  profile: string[];
}

export const SLOTS = 3;
/** Processor time is measured between these shares of the calls: starts and ends are something else. */
const [FROM_SHARE, TO_SHARE] = [0.15, 0.85];
const LOOK_EVERY_MS = 100;

export async function measureThroughput(bench: Bench, load: Load): Promise<Throughput> {
  const stage = await setStage(bench);
  const { db, carrier } = stage;
  const api = await stage.start("api");
  const businesses = await fillQueue(stage, load);
  const leads = load.businesses * load.leadsEach;
  await resetStatements(db);
  const workers = await Promise.all(Array.from({ length: load.workers }, () => stage.start("worker")));
  const latest = performance.now() + load.longestMs;
  const untilEnded = async (share: number) => {
    while ((await endedJobs(stage)) < share * leads && performance.now() < latest) await sleep(LOOK_EVERY_MS);
  };

  await untilEnded(FROM_SHARE);
  const watch = watchCpu({
    worker: workers.map((worker) => worker.pid),
    api: [api.pid],
    carrier: [carrier.pid],
    postgres: [stage.postgresPid],
    bench: [process.pid],
  });
  await untilEnded(TO_SHARE);
  const cores = watch.cores();
  await untilEnded(1);
  const calls = await endedJobs(stage);
  const speed = await speedOf(stage);
  const statements = await topStatements(db, calls);
  const memory = { worker: memoryMb(workers[0]!.pid).highest, api: memoryMb(api.pid).highest };
  if (calls < leads) bench.say(`${calls} of ${leads} calls in the time there was`);
  await Promise.all(workers.map((worker) => worker.stop()));
  const report = await carrier.waitFor((r) => r.liveNow === 0 && r.callbacks.pending === 0, 60_000);
  if (calls === leads) await checkAllCalled(stage, businesses, leads);
  else await checkInvariants(stage, businesses);
  await api.stop();
  return {
    callsPerSecond: speed.overall,
    cores,
    figures: {
      leads,
      calls,
      calls_per_s: rounded(speed.overall),
      calls_per_s_middle: rounded(speed.middle),
      seconds: rounded(speed.seconds),
      // Those that the carrier gave up; what they had to say was fetched later.
      callbacks_failed: report.callbacks.failed,
      worker_highest_mb: rounded(memory.worker, 1),
      api_highest_mb: rounded(memory.api, 1),
      ...cpuFigures(cores),
    },
    profile: [...(PROFILING ? profileLines([...workers, api].map((child) => child.name)) : []), ...statements],
  };
}

/** One run for each business, enqueued over REST; the API has to be there. */
export async function fillQueue(
  stage: Stage,
  load: Pick<Load, "businesses" | "leadsEach">,
): Promise<(Business & { runId: number })[]> {
  const businesses = await insertBusinesses(stage.db, load.businesses, SLOTS);
  const ids = await insertLeads(stage.db, businesses, load.leadsEach);
  const filled: (Business & { runId: number })[] = [];
  for (const business of businesses) {
    const { runId } = await enqueue(stage.apiUrl, business.id, ids.get(business.id)!, SLOTS);
    filled.push({ ...business, runId });
  }
  await stage.db.$client.query("vacuum analyze");
  return filled;
}

async function endedJobs({ db }: Stage): Promise<number> {
  const sum = await row<{ n: number }>(db, sql`select sum(cursor_position)::int as n from outbound_call_runs`);
  return sum?.n ?? 0;
}

/** Overall, and between the first and the last tenth of the ends: the difference is what start and end cost. */
async function speedOf({ db, carrier }: Stage): Promise<{ overall: number; middle: number; seconds: number }> {
  const first = (await carrier.calls()).reduce((least, call) => Math.min(least, call.createdMs), Infinity);
  const ends = await row<{ n: number; last: number; from: number; to: number }>(
    db,
    sql`select count(completed_at)::int as n, extract(epoch from max(completed_at))::float8 as last,
               extract(epoch from percentile_disc(0.1) within group (order by completed_at))::float8 as "from",
               extract(epoch from percentile_disc(0.9) within group (order by completed_at))::float8 as "to"
          from outbound_call_jobs where completed_at is not null`,
  );
  const { n, last, from, to } = ends!;
  const seconds = last - first / 1000;
  return { overall: n / seconds, middle: (0.8 * n) / (to - from), seconds };
}
