// The product at full speed: so many leads waiting before a worker starts, calls without ring and talk, until all of them
// have been called. From the first request that the carrier receives to the end of the last job.
import { sql } from "drizzle-orm";
import { row } from "../../../db/client.ts";
import { until } from "../../support/until.ts";
import type { Bench } from "../row.ts";
import { cpuFigures, watchCpu } from "./cpu.ts";
import { checkAllCalled } from "./invariants.ts";
import { enqueue, insertBusinesses, insertLeads } from "./people.ts";
import { memoryMb } from "./proc.ts";
import { rounded } from "./statistics.ts";
import { setStage, type Stage } from "./stage.ts";
import { resetStatements, topStatements } from "./statements.ts";

export interface Load {
  businesses: number;
  leadsEach: number;
  workers: number;
}

export interface Throughput {
  callsPerSecond: number;
  /** Cores used while the middle of the calls was made, by process. */
  cores: Record<string, number>;
  figures: Record<string, number>;
  /** With BENCH_PROFILE=1: Postgres' dearest statements. */
  statements: string[];
}

/** A list that takes longer than this has stopped moving. */
const LONGEST_MS = 900_000;
const SLOTS = 3;
/** Processor time is measured between these shares of the calls: starts and ends are something else. */
const [FROM_SHARE, TO_SHARE] = [0.15, 0.85];

export async function measureThroughput(bench: Bench, load: Load): Promise<Throughput> {
  const stage = await setStage(bench);
  const { db, carrier } = stage;
  const leads = load.businesses * load.leadsEach;
  const businesses = await insertBusinesses(db, load.businesses, SLOTS);
  const ids = await insertLeads(db, businesses, load.leadsEach);
  const api = await stage.start("api");
  for (const { id } of businesses) await enqueue(stage.apiUrl, id, ids.get(id)!, SLOTS);
  await db.$client.query("vacuum analyze");
  await resetStatements(db);
  const workers = await Promise.all(Array.from({ length: load.workers }, () => stage.start("worker")));

  await until(async () => (await ended(stage)) >= FROM_SHARE * leads, "the first calls", LONGEST_MS);
  const watch = watchCpu({
    worker: workers.map((worker) => worker.pid),
    api: [api.pid],
    carrier: [carrier.pid],
    postgres: [stage.postgresPid],
    bench: [process.pid],
  });
  await until(async () => (await ended(stage)) >= TO_SHARE * leads, "most of the calls", LONGEST_MS);
  const cores = watch.cores();
  await until(async () => (await ended(stage)) === leads, "the last call", LONGEST_MS);
  const statements = await topStatements(db, leads);
  const memory = { worker: memoryMb(workers[0]!.pid).highest, api: memoryMb(api.pid).highest };
  const report = await checkAllCalled(stage, businesses, leads);
  const speed = await speedOf(stage, leads);
  for (const child of [...workers, api]) await child.stop();
  return {
    callsPerSecond: speed.overall,
    cores,
    figures: {
      leads,
      calls_per_s: rounded(speed.overall),
      calls_per_s_middle: rounded(speed.middle),
      seconds: rounded(leads / speed.overall),
      // Those that the carrier gave up; what they had to say was fetched later.
      callbacks_failed: report.callbacks.failed,
      worker_highest_mb: rounded(memory.worker, 1),
      api_highest_mb: rounded(memory.api, 1),
      ...cpuFigures(cores),
    },
    statements,
  };
}

async function ended({ db }: Stage): Promise<number> {
  const sum = await row<{ n: number }>(db, sql`select sum(cursor_position)::int as n from outbound_call_runs`);
  return sum?.n ?? 0;
}

/** Overall, and between the tenth and the ninth tenth of the ends: the difference is what start and end cost. */
async function speedOf({ db, carrier }: Stage, leads: number): Promise<{ overall: number; middle: number }> {
  const first = Math.min(...(await carrier.calls()).map((call) => call.createdMs));
  const ends = await row<{ last: number; from: number; to: number }>(
    db,
    sql`select extract(epoch from max(completed_at))::float8 * 1000 as last,
               extract(epoch from percentile_disc(0.1) within group (order by completed_at))::float8 * 1000 as "from",
               extract(epoch from percentile_disc(0.9) within group (order by completed_at))::float8 * 1000 as "to"
          from outbound_call_jobs`,
  );
  const { last, from, to } = ends!;
  return { overall: (leads / (last - first)) * 1000, middle: ((0.8 * leads) / (to - from)) * 1000 };
}
