// Row 10: half an hour at full speed. Whether the last minutes are as fast as the first, and what grows: dead rows, tables,
// indexes.
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { row as oneRow, rows, type Database } from "../../../db/client.ts";
import { cpuLine, watchCpu } from "../parts/cpu.ts";
import { checkInvariants } from "../parts/invariants.ts";
import { enqueue, insertBusinesses } from "../parts/people.ts";
import { memoryMb } from "../parts/proc.ts";
import { setStage, type Stage } from "../parts/stage.ts";
import { mean, rounded } from "../parts/statistics.ts";
import type { Row } from "../row.ts";
import { figure } from "../table.ts";

const BUSINESSES = 200;
const SLOTS = 3;
const MINUTES = 30;
/** Of the start and of the end that are compared. */
const COMPARED = 5;
/** Asked for by its number without FULL=1: enough to see that it works. */
const MINUTES_FOR_A_LOOK = 2;
/** One run; the next is enqueued when so few are left that a worker could run dry. */
const LEADS_PER_RUN = 1_000;
const LOW = 200;
/** Should many businesses run low at the same moment, enqueueing for all of them at once would take minutes. */
const REFILLED_AT_ONCE = 2;
const TARGET = 0.95;

export const row: Row = {
  no: 10,
  name: `${MINUTES} minutes at full speed`,
  target: `last ${COMPARED} minutes >= ${TARGET} of the first`,
  fullOnly: true,
  async run(bench) {
    const minutes = bench.full ? MINUTES : MINUTES_FOR_A_LOOK;
    const compared = bench.full ? COMPARED : 1;
    const stage = await setStage(bench);
    const { db } = stage;
    const api = await stage.start("api");
    const businesses = await insertBusinesses(db, BUSINESSES, SLOTS);
    const feeder = feederOf(
      stage,
      businesses.map((b) => b.id),
    );
    await feeder.begin();
    const worker = await stage.start("worker");
    /** Calls per second, over the time that the minute really took. */
    const perMinute: number[] = [];
    const pids = { postgres: [stage.postgresPid], api: [api.pid], worker: [worker.pid], carrier: [stage.carrier.pid] };
    /** What was left of the machine, minute by minute: slower minutes may be another's doing. */
    const elsewhere: { others: number; stolen: number }[] = [];
    let before = await ended(db);
    for (let minute = 0; minute < minutes; minute++) {
      const watch = watchCpu(pids);
      const since = performance.now();
      const until = since + 60_000;
      while (performance.now() < until) {
        await feeder.fill(REFILLED_AT_ONCE);
        await sleep(500);
      }
      const now = await ended(db);
      perMinute.push((now - before) / ((performance.now() - since) / 1000));
      before = now;
      const cores = watch.cores();
      elsewhere.push({ others: cores["others"]!, stolen: cores["stolen"]! });
      bench.say(`minute ${minute + 1}: ${figure(perMinute.at(-1)!)} calls/s; ${cpuLine(cores)}`);
    }
    const memory = { worker: memoryMb(worker.pid).highest, api: memoryMb(api.pid).highest };
    await worker.stop();
    await stage.carrier.waitFor((r) => r.liveNow === 0 && r.callbacks.pending === 0, 60_000);
    await checkInvariants(stage, businesses);
    const first = mean(perMinute.slice(0, compared));
    const last = mean(perMinute.slice(-compared));
    const tables = await growth(db);
    return {
      reached: `${(last / first).toFixed(2)} (${figure(last)} of ${figure(first)} calls/s), ${figure(before)} calls`,
      met: last / first >= TARGET,
      figures: {
        ratio: rounded(last / first),
        first_calls_per_s: rounded(first),
        last_calls_per_s: rounded(last),
        calls: before,
        calls_per_s_by_minute: perMinute.map((n) => rounded(n, 1)).join(" "),
        others_cores_per_minute: elsewhere.map((e) => rounded(e.others)).join(" "),
        stolen_cores_per_minute: elsewhere.map((e) => rounded(e.stolen)).join(" "),
        worker_highest_mb: rounded(memory.worker, 1),
        api_highest_mb: rounded(memory.api, 1),
        ...Object.fromEntries(
          tables.flatMap((t) => [
            [`${t.name}_dead_rows`, t.dead],
            [`${t.name}_mb`, rounded(t.mb)],
            [`${t.name}_index_mb`, rounded(t.indexMb)],
          ]),
        ),
      },
      lines: tables.map(
        (t) =>
          `${t.name}: ${figure(t.live)} rows, ${figure(t.dead)} dead, ${figure(t.mb)} MB and ${figure(t.indexMb)} MB of indexes, ` +
          `${figure(t.vacuums)} vacuums, ${figure(t.hot)} % of ${figure(t.updates)} updates in place`,
      ),
    };
  },
};

/** Keeps leads waiting for everybody, each with a number of its own: nobody is called twice. */
function feederOf({ db, apiUrl }: Stage, businessIds: readonly number[]) {
  let lastNumber = 0;
  const addRun = async (businessId: number, leads: number): Promise<void> => {
    const made = await rows<{ id: number }>(
      db,
      sql`insert into leads (tenant_id, name, phone_e164)
          select ${businessId}, 'Lead ' || n, '+9725' || (20000000 + n)
            from generate_series(${lastNumber + 1}::int, ${lastNumber + leads}::int) n
          returning id`,
    );
    lastNumber += leads;
    await enqueue(
      apiUrl,
      businessId,
      made.map((lead) => lead.id),
      SLOTS,
    );
  };
  return {
    /**
     * The first runs differ in size, so that from the first minute on somebody runs low every few seconds: with equal ones
     * the first minutes would enqueue nothing, and be compared with last ones that do.
     */
    async begin(): Promise<void> {
      for (const [n, id] of businessIds.entries())
        await addRun(id, LOW + Math.ceil(((n + 1) / businessIds.length) * LEADS_PER_RUN));
    },
    async fill(most: number): Promise<void> {
      const low = await rows<{ id: number }>(
        db,
        sql`select b.id from unnest(${sql.param(businessIds)}::int[]) b (id)
             where coalesce((select sum(queued_count) from outbound_call_runs r
                              where r.business_id = b.id and r.status in ('pending', 'running')), 0) < ${LOW}`,
      );
      for (const { id } of low.slice(0, most)) await addRun(id, LEADS_PER_RUN);
    },
  };
}

async function ended(db: Database): Promise<number> {
  const sum = await oneRow<{ n: number }>(db, sql`select sum(cursor_position)::int as n from outbound_call_runs`);
  return sum?.n ?? 0;
}

interface Growth {
  name: string;
  live: number;
  dead: number;
  mb: number;
  indexMb: number;
  vacuums: number;
  updates: number;
  hot: number;
}

const growth = (db: Database): Promise<Growth[]> =>
  rows(
    db,
    sql`select relname as name, n_live_tup::int as live, n_dead_tup::int as dead, pg_table_size(relid) / 1048576.0::float8 as mb,
               pg_indexes_size(relid) / 1048576.0::float8 as "indexMb", autovacuum_count::int as vacuums, n_tup_upd::int as updates,
               100.0::float8 * n_tup_hot_upd / greatest(n_tup_upd, 1) as hot
          from pg_stat_user_tables
         where schemaname in ('public', 'graphile_worker') and n_tup_upd + n_tup_ins > 1000
         order by pg_total_relation_size(relid) desc`,
  );
