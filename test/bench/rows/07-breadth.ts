// Row 7: a thousand businesses with three live calls each, all in one worker process: its memory, what its heartbeat costs,
// and whether any business has to wait for the others.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { row as oneRow, rows, type Database } from "../../../db/client.ts";
import { cpuFigures, cpuLine, watchCpu } from "../parts/cpu.ts";
import { checkAllCalled } from "../parts/invariants.ts";
import { memoryMb } from "../parts/proc.ts";
import { setStage, type Stage } from "../parts/stage.ts";
import { mean, rounded } from "../parts/statistics.ts";
import { fillQueue, SLOTS } from "../parts/throughput.ts";
import type { Row } from "../row.ts";
import { figure } from "../table.ts";

const BUSINESSES = 1_000;
/** Two rounds: the second begins only when calls of the first have ended. */
const LEADS_EACH = 2 * SLOTS;
/** Long enough for three thousand of them to be live at once. */
const TALK_MS = 40_000;
const TARGET_MB = 250;
const TARGET_SPREAD = 1.2;
const LONGEST_MS = 400_000;

export const row: Row = {
  no: 7,
  name: "1,000 businesses x 3 live calls, one worker",
  target: `<= ${TARGET_MB} MB, slowest within ${Math.round((TARGET_SPREAD - 1) * 100)} % of the mean`,
  async run(bench) {
    const stage = await setStage(bench, {
      carrier: {
        scripts: [{ initiateAfterMs: 0, ringAfterMs: 100, answerAfterMs: 100, talkMs: TALK_MS, outcome: "answered" }],
      },
      settings: { shared_preload_libraries: "pg_stat_statements" },
      // A call that is quiet for as long as ours last is nothing to ask about here.
      env: { CALL_NEWS_SECONDS: String((2 * TALK_MS) / 1000) },
    });
    const { db, carrier } = stage;
    await db.execute(sql`create extension if not exists pg_stat_statements`);
    const api = await stage.start("api");
    bench.say("enqueueing");
    const businesses = await fillQueue(stage, { businesses: BUSINESSES, leadsEach: LEADS_EACH });
    await db.execute(sql`select pg_stat_statements_reset()`);
    const startedAt = Date.now();
    const worker = await stage.start("worker");
    const watch = watchCpu({
      worker: [worker.pid],
      api: [api.pid],
      carrier: [carrier.pid],
      postgres: [stage.postgresPid],
    });
    const seen = await untilAllEnded(stage, worker.pid);
    const cores = watch.cores();
    const seconds = await secondsByBusiness(db, startedAt);
    const beat = await heartbeatMs(db);
    const memory = memoryMb(worker.pid).highest;
    await worker.stop();
    const report = await carrier.report();
    await checkAllCalled(stage, businesses, BUSINESSES * LEADS_EACH);

    const average = mean(seconds);
    const slowest = Math.max(...seconds);
    const spread = slowest / average;
    return {
      reached:
        `${figure(memory)} MB, slowest ${((spread - 1) * 100).toFixed(0)} % above the mean, ` +
        `heartbeat ${figure(beat)} ms, ${figure(report.maxLive)} live`,
      met: memory <= TARGET_MB && spread <= TARGET_SPREAD,
      figures: {
        worker_highest_mb: rounded(memory, 1),
        worker_mb_with_most_live: rounded(seen.memoryMb, 1),
        most_live: report.maxLive,
        slowest_s: rounded(slowest),
        mean_s: rounded(average),
        slowest_over_mean: rounded(spread),
        heartbeat_mean_ms: rounded(beat),
        ...cpuFigures(cores),
      },
      lines: [cpuLine(cores)],
    };
  },
};

async function untilAllEnded({ db }: Stage, workerPid: number): Promise<{ memoryMb: number }> {
  const latest = performance.now() + LONGEST_MS;
  let most = { live: 0, memoryMb: 0 };
  for (;;) {
    const now = await oneRow<{ open: number; live: number }>(
      db,
      sql`select count(*)::int as open, coalesce(sum(in_progress_count), 0)::int as live
            from outbound_call_runs where status in ('pending', 'running')`,
    );
    if (!now || now.open === 0) return most;
    assert.ok(performance.now() < latest, `${now.open} runs were still open`);
    if (now.live > most.live) most = { live: now.live, memoryMb: memoryMb(workerPid).now };
    await sleep(500);
  }
}

/** From the worker's start to the end of each business's last call. */
async function secondsByBusiness(db: Database, startedAtMs: number): Promise<number[]> {
  const ends = await rows<{ ended: number }>(
    db,
    sql`select extract(epoch from ended_at)::float8 as ended from outbound_call_runs`,
  );
  return ends.map(({ ended }) => ended - startedAtMs / 1000);
}

/** Of the statement that renews the worker's row and the locks of its thousand runs. */
async function heartbeatMs(db: Database): Promise<number> {
  const beat = await oneRow<{ ms: number }>(
    db,
    sql`select sum(total_exec_time) / sum(calls) as ms from pg_stat_statements
         where query ilike '%insert into outbound_workers%update outbound_call_runs%'`,
  );
  return beat?.ms ?? Number.NaN;
}
