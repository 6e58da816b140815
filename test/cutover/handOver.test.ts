// One run's hand-over beside whatever may go wrong with it: a transaction that Postgres ends, an old worker in between.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { row, rows, type Database } from "../../db/client.ts";
import { DISPATCH_CLASS } from "../../db/locks.ts";
import { inTransaction } from "../../db/transaction.ts";
import { cutOver } from "../../src/cutover/cutOver.ts";
import type { Taken } from "../../src/cutover/decide.ts";
import { handOverRun } from "../../src/cutover/handOverRun.ts";
import { lockWaitingRuns } from "../../src/runs/businessNow.ts";
import { until } from "../support/until.ts";
import { brokenRules } from "../support/world/invariants.ts";
import { LIMITS } from "../support/world.ts";
import { aRun, fates, openOldShop, queuedJobs } from "./oldShop.ts";

const nothing = (): Taken => ({ numbers: new Set(), sids: new Set() });

/** The first COMMIT finds that Postgres has chosen the transaction as a deadlock's victim. */
function losingOneCommit(db: Database): void {
  let lost = false;
  db.$client.on("acquire", (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    const losing = (...args: unknown[]) => {
      if (lost || args[0] !== "commit") return query(...args);
      lost = true;
      return Promise.reject(Object.assign(new Error("deadlock detected"), { code: "40P01" }));
    };
    Object.assign(client, { query: losing });
  });
}

const untilWaiting = (db: Database) =>
  until(
    () => row(db, sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`),
    "the hand-over waits for the business's lock",
  );

describe("a run's hand-over", () => {
  it("decides the same again when its transaction has to be repeated", async (t) => {
    const db = await openOldShop(
      t,
      [
        aRun(1, "running"),
        queuedJobs(1, 1, 3),
        "update outbound_call_jobs set status = 'calling', call_sid = 'CA1' where id = 101",
      ].join(";"),
    );
    losingOneCommit(db);
    const taken = nothing();
    assert.equal((await handOverRun(db, 1, 1, taken))?.status, "failed");
    assert.deepEqual(await fates(db, 1), { 101: "calling", 102: "queued", 103: "queued" });
    assert.deepEqual([taken.numbers.size, [...taken.sids]], [3, ["CA1"]]);
  });

  it("leaves a run that goes on by itself without the old worker's lock", async (t) => {
    const db = await openOldShop(
      t,
      `${aRun(1, "pending", "lock_ts, locked_by_worker", "now() - interval '10 minutes', 'old:17'")}; ${queuedJobs(1, 1, 2)};
       update outbound_call_runs set created_at = now() - interval '12 minutes'`,
    );
    assert.equal((await handOverRun(db, 1, 1, nothing()))?.status, "pending");
    // The age of a lock counts from Postgres' own start, which may be a moment ago.
    const limits = { ...LIMITS, runTtlMs: 1 };
    const waiting = await inTransaction(db, (tx) => lockWaitingRuns(tx, 1, limits));
    assert.deepEqual(
      waiting.map(({ id, queued }) => [id, queued]),
      [[1, 2]],
    );
  });

  it("leaves nobody waiting in a failed run that was asked to cancel", async (t) => {
    const db = await openOldShop(
      t,
      `${aRun(1, "failed", "cancel_requested, ended_at", "true, now() - interval '1 hour'")}; ${queuedJobs(1, 1, 2)};
       update outbound_call_jobs set status = 'calling', call_sid = 'CA1' where id = 101`,
    );
    await cutOver(db);
    assert.deepEqual(await fates(db, 1), { 101: "calling", 102: "cancelled" });
    const run = await row<object>(db, sql`select status, queued_count as queued from outbound_call_runs where id = 1`);
    assert.deepEqual(run, { status: "cancelled", queued: 0 });
    for (const [rule, found] of Object.entries(await brokenRules(db))) assert.deepEqual(found, [], rule);
  });

  it("puts nobody back in the queue of whom only a time says that they may have been called", async (t) => {
    const db = await openOldShop(
      t,
      `${aRun(1, "running")}; ${queuedJobs(1, 1, 3)};
       update outbound_call_jobs set started_at = now() - interval '1 hour' where id = 101;
       update outbound_call_jobs set completed_at = now() - interval '1 hour' where id = 102`,
    );
    await handOverRun(db, 1, 1, nothing());
    assert.deepEqual(await fates(db, 1), {
      101: "failed outcome_unknown",
      102: "failed outcome_unknown",
      103: "queued",
    });
  });

  it("goes by what an old worker did while it waited", async (t) => {
    const db = await openOldShop(t, [aRun(1, "running"), queuedJobs(1, 1, 4)].join(";"));
    const inDispatch = await db.$client.connect();
    await inDispatch.query(`begin; select pg_advisory_xact_lock(${DISPATCH_CLASS}, 1)`);
    const handing = handOverRun(db, 1, 1, nothing());
    await untilWaiting(db);
    await db.execute(
      sql`update outbound_call_jobs set status = 'calling', call_sid = 'CA1', dial_started_at = now() where id = 101`,
    );
    await db.execute(sql`update outbound_call_jobs set dial_lock_token = 'old' where id = 102`);
    await db.execute(
      sql`update outbound_call_jobs set status = 'completed', completed_at = now(), call_sid = 'CA3' where id = 103`,
    );
    await db.execute(sql`insert into outbound_call_jobs (id, run_id, lead_id, status) values (105, 1, 5, 'queued')`);
    await inDispatch.query("commit");
    inDispatch.release();
    await handing;
    assert.deepEqual(await fates(db, 1), {
      101: "calling",
      102: "failed outcome_unknown",
      103: "completed",
      104: "queued",
      105: "queued",
    });
    for (const [rule, found] of Object.entries(await brokenRules(db))) assert.deepEqual(found, [], rule);
    const numbers = await rows<{ n: string }>(
      db,
      sql`select to_number as n from outbound_call_jobs where status = 'queued' order by id`,
    );
    assert.deepEqual(
      numbers.map(({ n }) => n),
      ["+972520000004", "+972520000005"],
    );
  });
});
