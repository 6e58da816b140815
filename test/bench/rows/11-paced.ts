// Row 11: many businesses wait for the turns of one account that may begin few calls a second, as real ones do. Waiting must
// cost next to nothing, no turn may be lost, and everybody gets his.
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { row as oneRow, type Database } from "../../../db/client.ts";
import { cpuFigures, cpuLine, watchCpu } from "../parts/cpu.ts";
import { checkInvariants } from "../parts/invariants.ts";
import { setStage } from "../parts/stage.ts";
import { rounded } from "../parts/statistics.ts";
import { callsOf } from "../parts/steadyCalls.ts";
import { fillQueue } from "../parts/throughput.ts";
import type { Row } from "../row.ts";
import { figure } from "../table.ts";

const [BUSINESSES, FEW_BUSINESSES] = [200, 100];
const WORKERS = 2;
const PER_SECOND = 5;
const CALL_MS = 3_000;
/** The first seconds have everybody ask once. */
const SETTLE_MS = 5_000;
const [TARGET_DISPATCHES, TARGET_PACE, TARGET_LEAST] = [4, 0.95, 0.75];

export const row: Row = {
  no: 11,
  name: `many businesses wait for ${PER_SECOND} calls/s`,
  target: `>= ${TARGET_PACE} of the pace, <= ${TARGET_DISPATCHES} dispatches per call, the least served >= ${TARGET_LEAST} of the mean`,
  async run(bench) {
    const stage = await setStage(bench, {
      carrier: { scripts: callsOf(CALL_MS) },
      settings: { shared_preload_libraries: "pg_stat_statements" },
      env: { TWILIO_CPS: String(PER_SECOND) },
    });
    const { db, carrier } = stage;
    await db.execute(sql`create extension if not exists pg_stat_statements`);
    const api = await stage.start("api");
    // A round gives everybody one turn; what is left at the end stays queued.
    const many = bench.full ? BUSINESSES : FEW_BUSINESSES;
    const roundMs = (1000 * many) / PER_SECOND;
    const rounds = bench.full ? 5 : 1;
    const businesses = await fillQueue(stage, { businesses: many, leadsEach: rounds + 5 });
    const workers = await Promise.all(Array.from({ length: WORKERS }, () => stage.start("worker")));
    await sleep(SETTLE_MS);
    await db.execute(sql`select pg_stat_statements_reset()`);
    const before = (await carrier.report()).totalCreates;
    const watch = watchCpu({
      worker: workers.map((worker) => worker.pid),
      api: [api.pid],
      carrier: [carrier.pid],
      postgres: [stage.postgresPid],
    });
    await sleep(rounds * roundMs);
    const cores = watch.cores();
    const dispatches = await timesAsked(db);
    const calls = (await carrier.report()).totalCreates - before;
    await Promise.all(workers.map((worker) => worker.stop()));
    await carrier.waitFor((r) => r.liveNow === 0 && r.callbacks.pending === 0, 60_000);
    await checkInvariants(stage, businesses);
    const served = await callsEach(db);
    const pace = calls / ((rounds * roundMs) / 1000) / PER_SECOND;
    const perCall = dispatches / calls;
    return {
      reached: `${pace.toFixed(2)} of the pace, ${figure(perCall)} dispatches per call, the least served had ${served.least} calls, the mean is ${figure(served.mean)}`,
      met: pace >= TARGET_PACE && perCall <= TARGET_DISPATCHES && served.least >= TARGET_LEAST * served.mean,
      figures: {
        calls,
        share_of_pace: rounded(pace),
        dispatches_per_call: rounded(perCall),
        least_calls_of_one: served.least,
        mean_calls_of_one: rounded(served.mean),
        ...cpuFigures(cores),
      },
      lines: [cpuLine(cores)],
    };
  },
};

/** How often a dispatch has looked at its business. */
async function timesAsked(db: Database): Promise<number> {
  const asked = await oneRow<{ n: number }>(
    db,
    sql`select coalesce(sum(calls), 0)::int as n from pg_stat_statements where query like '%b.phone_number as phone%'`,
  );
  return asked?.n ?? 0;
}

/** Over all businesses. */
async function callsEach(db: Database): Promise<{ least: number; mean: number }> {
  const found = await oneRow<{ least: number; mean: number }>(
    db,
    sql`select min(n)::int as least, avg(n)::float8 as mean
          from (select count(a.token) as n from business b left join outbound_call_attempts a on a.business_id = b.id group by b.id) each`,
  );
  return found ?? { least: 0, mean: Number.NaN };
}
