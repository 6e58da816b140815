// The old CRM at work: so many requests a second, reading and writing as it does, none of which waits for another. Whatever
// holds a table longer shows up as a late answer; beside them a statement that touches no table tells what the machine does.
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Random } from "../support/random.ts";

export interface Observed {
  requests: number;
  errors: string[];
  /** The latest answer, what was asked, and when, in seconds since the start. */
  longestMs: number;
  longest: string;
  longestAt: number;
  startedAt: number;
  lateMs: number[];
  /** The latest answer to a statement that waits for no table: so long the machine itself stood still, or was busy. */
  machineMs: number;
}

type Request = (client: pg.Pool, random: Random) => Promise<unknown>;

const RUNS = 1_000;

const REQUESTS: Record<string, Request> = {
  "list runs": (db) =>
    db.query("select * from outbound_call_runs where business_id = 1 order by created_at desc limit 20"),
  "read a run": (db, r) => db.query("select * from outbound_call_runs where id = $1", [1 + r.below(RUNS)]),
  "count jobs": (db, r) =>
    db.query("select status, count(*) from outbound_call_jobs where run_id = $1 group by status", [1 + r.below(RUNS)]),
  "next jobs": (db, r) =>
    db.query(
      `select j.id, l.phone_e164 from outbound_call_jobs j join leads l on l.id = j.lead_id
        where j.run_id = $1 and j.status = 'queued' order by j.id limit 10`,
      [1 + r.below(RUNS)],
    ),
  "start a call": (db, r) =>
    db.query("update outbound_call_jobs set status = 'calling', call_sid = $2, started_at = now() where id = $1", [
      1 + r.below(RUNS * 50),
      `CAlive${r.below(1e9)}`,
    ]),
  "end a call": (db, r) =>
    inTransaction(db, async (tx) => {
      const job = 1 + r.below(RUNS * 50);
      await tx.query("update outbound_call_jobs set status = 'completed', completed_at = now() where id = $1", [job]);
      await tx.query("update outbound_call_runs set completed_count = completed_count + 1 where id = $1", [
        1 + r.below(RUNS),
      ]);
    }),
  "log a call": (db, r) =>
    db.query("insert into call_log (business_id, lead_id, call_sid, direction) values (1, $1, $2, 'outbound')", [
      1 + r.below(1000),
      `CA${r.below(1e9)}x${r.below(1e9)}`,
    ]),
  "add a lead": (db) => db.query("insert into leads (tenant_id, phone_e164) values (1, '0501234567')"),
  "start a run": (db, r) =>
    inTransaction(db, async (tx) => {
      const { rows } = await tx.query<{ id: number }>(
        "insert into outbound_call_runs (business_id, status, total_leads, queued_count) values (1, 'running', 3, 3) returning id",
      );
      const lead = 1 + r.below(1000);
      await tx.query(
        "insert into outbound_call_jobs (run_id, lead_id, status) values ($1, $2, 'queued'), ($1, $3, 'queued'), ($1, $4, 'queued')",
        [rows[0]!.id, lead, lead + 1, lead + 2],
      );
    }),
};

async function inTransaction(db: pg.Pool, work: (tx: pg.PoolClient) => Promise<unknown>): Promise<void> {
  const client = await db.connect();
  try {
    await client.query("begin");
    await work(client);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

/** Runs until `stop` resolves. Now and then a report keeps a transaction open for a second and more. */
export async function runOldCrm(
  url: string,
  perSecond: number,
  random: Random,
  stop: Promise<unknown>,
): Promise<Observed> {
  const pool = new pg.Pool({ connectionString: url, max: 30, options: "-c TimeZone=UTC" });
  pool.on("error", () => undefined);
  const seen: Observed = {
    requests: 0,
    errors: [],
    longestMs: 0,
    longest: "",
    longestAt: 0,
    startedAt: performance.now(),
    lateMs: [],
    machineMs: 0,
  };
  const end = { reached: false };
  void stop.finally(() => (end.reached = true));
  const pending = new Set<Promise<void>>();
  const reports = keepReporting(pool, () => end.reached, seen);
  const watching = watchMachine(url, () => end.reached, seen);
  const names = Object.keys(REQUESTS);
  for (let due = performance.now(); !end.reached; due += 1000 / perSecond) {
    await sleep(Math.max(0, due - performance.now()));
    // What was due while this process stood still has not been asked: nobody waited for it.
    due = Math.max(due, performance.now() - 1000 / perSecond);
    const name = random.pick(names);
    const one = measured(seen, name, due, () => REQUESTS[name]!(pool, random)).finally(() => pending.delete(one));
    pending.add(one);
  }
  await Promise.all([...pending, reports, watching]);
  await pool.end();
  return seen;
}

async function measured(seen: Observed, name: string, due: number, work: () => Promise<unknown>): Promise<void> {
  seen.requests++;
  try {
    await work();
  } catch (error) {
    seen.errors.push(`${name}: ${(error as Error).message}`);
  }
  const ms = performance.now() - due;
  if (ms > 200) seen.lateMs.push(Math.round(ms));
  if (ms <= seen.longestMs) return;
  [seen.longestMs, seen.longest, seen.longestAt] = [ms, name, (due - seen.startedAt) / 1000];
}

async function watchMachine(url: string, stopped: () => boolean, seen: Observed): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  while (!stopped()) {
    const since = performance.now();
    await sleep(20);
    await client.query("select 1");
    seen.machineMs = Math.max(seen.machineMs, performance.now() - since - 20);
  }
  await client.end();
}

async function keepReporting(pool: pg.Pool, stopped: () => boolean, seen: Observed): Promise<void> {
  while (!stopped()) {
    await sleep(700);
    try {
      await inTransaction(pool, async (tx) => {
        await tx.query(
          "select count(*) from outbound_call_runs r join outbound_call_jobs j on j.run_id = r.id where r.id < 20",
        );
        await sleep(1_200);
      });
    } catch (error) {
      seen.errors.push(`report: ${(error as Error).message}`);
    }
  }
}
