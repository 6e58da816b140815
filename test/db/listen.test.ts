// Who watches a run hears of every change of it, and nobody else is told anything: NOTIFY costs each commit.
import assert from "node:assert/strict";
import { after, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { listenToRuns, nameOf } from "../../db/listen.ts";
import { WATCH_CLASS, watchKey } from "../../db/locks.ts";
import { rows } from "../../db/client.ts";
import { aBusiness, aRun } from "../api/rows.ts";
import { until } from "../api/stream.ts";
import { freshDatabase } from "../api/support.ts";

const db = await freshDatabase({ after });
const shop = await aBusiness(db);

async function aListener(t: TestContext) {
  const heard: string[] = [];
  const lost: unknown[] = [];
  const listener = listenToRuns(db, { changed: (name) => heard.push(name), lost: (error) => lost.push(error) });
  t.after(() => listener.close());
  await until(() => listener.alive());
  return { listener, heard, lost };
}

/** Hears every notice, watches nothing. */
async function aBystander(t: TestContext) {
  const notices: string[] = [];
  const client = await db.$client.connect();
  t.after(() => client.release(true));
  client.on("notification", ({ payload }) => notices.push(payload ?? ""));
  await client.query("listen outbound_runs");
  return notices;
}

async function aTransaction(t: TestContext) {
  const client = await db.$client.connect();
  t.after(() => client.release(true));
  await client.query("begin; set local idle_in_transaction_session_timeout = 0");
  return client;
}

const aWatchable = async () => {
  const run = await aRun(db, shop.id);
  return { runId: run.id, businessId: shop.id };
};
const CHANGE = "update outbound_call_runs set concurrency = concurrency % 3 + 1 where";
const change = (id: number) => db.execute(sql.raw(`${CHANGE} id = ${id}`));

/** How many watch locks there are, by how they are held. */
async function locks(): Promise<Record<string, number>> {
  const found = await rows<{ mode: string; n: number }>(
    db,
    sql`select mode, count(*)::int as n from pg_locks
         where locktype = 'advisory' and classid = ${WATCH_CLASS} and granted
           and database = (select oid from pg_database where datname = current_database()) group by mode`,
  );
  return Object.fromEntries(found.map(({ mode, n }) => [mode, n]));
}

async function untilLocks(wanted: Record<string, number>): Promise<void> {
  for (const end = performance.now() + 5_000; ; await sleep(5)) {
    const now = await locks();
    if (JSON.stringify(now) === JSON.stringify(wanted)) return;
    assert.ok(performance.now() < end, `the locks are ${JSON.stringify(now)}`);
  }
}

describe("changed runs", () => {
  it("are told of while somebody watches, and not otherwise", async (t) => {
    const { listener, heard } = await aListener(t);
    const notices = await aBystander(t);
    const [seen, other] = [await aWatchable(), await aWatchable()];
    await change(seen.runId);
    listener.watch(seen);
    await until(() => heard.length === 1);
    assert.deepEqual(heard, [nameOf(seen)], "whatever may have been missed until now");
    await change(other.runId);
    await change(seen.runId);
    await until(() => heard.length === 2);
    listener.unwatch(seen);
    await untilLocks({});
    await change(seen.runId);
    await change(other.runId);
    await db.execute(sql`select pg_notify('outbound_runs', 'last')`);
    await until(() => notices.at(-1) === "last" && heard.at(-1) === "last");
    assert.deepEqual(notices, [nameOf(seen), "last"]);
    assert.deepEqual(heard, [nameOf(seen), nameOf(seen), "last"]);
  });

  it("are told of by a transaction that began before anybody watched", async (t) => {
    const { listener, heard } = await aListener(t);
    const run = await aWatchable();
    const tx = await aTransaction(t);
    await tx.query(`${CHANGE} id = ${run.runId}`);
    assert.deepEqual(await locks(), { ExclusiveLock: 1 });
    listener.watch(run);
    // Waiting for the lock, giving up, and telling meanwhile what it cannot know.
    await until(() => heard.length >= 2);
    assert.deepEqual(await locks(), { ExclusiveLock: 1 });
    heard.length = 0;
    await tx.query("commit");
    await until(() => heard.length > 0);
    assert.deepEqual(new Set(heard), new Set([nameOf(run)]));
    await untilLocks({ ShareLock: 1 });
  });

  it("are told of while another transaction keeps the lock that they share", async (t) => {
    const { listener, heard } = await aListener(t);
    const notices = await aBystander(t);
    const [run, elsewhere] = [await aWatchable(), await aWatchable()];
    await db.execute(sql`
      insert into outbound_call_runs (id, business_id, engine) overriding system value
      values (${run.runId + 1024}, ${shop.id}, 'ringpost')`);
    assert.equal(watchKey(run.runId + 1024), watchKey(run.runId));
    const tx = await aTransaction(t);
    await tx.query(`${CHANGE} id = ${run.runId + 1024}`);
    listener.watch(run);
    await until(() => heard.length >= 1);
    assert.deepEqual(notices, []);
    await change(run.runId);
    // By a notice, and not only by the next try for the lock.
    await until(() => heard.length >= 2 && notices.length > 0);
    assert.deepEqual(notices, [nameOf(run)]);
    assert.deepEqual(await locks(), { ExclusiveLock: 1 }, "told without the lock");
    listener.watch(elsewhere);
    await untilLocks({ ExclusiveLock: 1, ShareLock: 1 });
    heard.length = 0;
    await change(elsewhere.runId);
    // Its lock is had, so this too is a notice.
    await until(() => heard.includes(nameOf(elsewhere)));
    await tx.query("rollback");
    await db.execute(sql`delete from outbound_call_runs where id = ${run.runId + 1024}`);
  });

  it("never fill the table of locks, however many change at once", async (t) => {
    await db.execute(sql`
      insert into outbound_call_runs (business_id, engine) select ${shop.id}, 'ringpost' from generate_series(1, 3000)`);
    const tx = await aTransaction(t);
    const changed = await tx.query(`${CHANGE} business_id = ${shop.id}`);
    assert.ok((changed.rowCount ?? 0) >= 3000);
    assert.deepEqual(await locks(), { ExclusiveLock: 1024 });
    await tx.query("rollback");
  });

  it("are told of again after watching has ended and begun many times", async (t) => {
    const { listener, heard } = await aListener(t);
    const [run, neighbour] = [await aWatchable(), { runId: 0, businessId: shop.id }];
    neighbour.runId = run.runId + 1024;
    for (let times = 0; times < 50; times++) {
      listener.watch(run);
      if (times % 3 === 0) listener.watch(neighbour);
      if (times % 5 === 0) await sleep(1);
      listener.unwatch(run);
      if (times % 7 === 0) await untilLocks(times % 3 === 0 ? { ShareLock: 1 } : {});
      listener.unwatch(neighbour);
    }
    await untilLocks({});
    listener.watch(run);
    await untilLocks({ ShareLock: 1 });
    await sleep(5);
    heard.length = 0;
    await change(run.runId);
    await until(() => heard.length >= 1);
    listener.unwatch(run);
    await untilLocks({});
  });

  it("are told of after the connection was lost", async (t) => {
    const { listener, heard, lost } = await aListener(t);
    const run = await aWatchable();
    listener.watch(run);
    await untilLocks({ ShareLock: 1 });
    heard.length = 0;
    await db.execute(sql`
      select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name like 'ringpost listening%'`);
    await until(() => lost.length === 1 && listener.alive());
    await untilLocks({ ShareLock: 1 });
    assert.ok(heard.includes(nameOf(run)), "what happened meanwhile");
    heard.length = 0;
    await change(run.runId);
    await until(() => heard.length > 0);
  });
});
