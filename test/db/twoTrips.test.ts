// A transaction whose statements travel together is still one, and each statement still sees what the one before it waited for.
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { sql } from "drizzle-orm";
import { openDatabase, row, type Tx } from "../../db/client.ts";
import { inTransaction, inTwoTrips } from "../../db/transaction.ts";
import { freshDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";

const LOCK = "select pg_advisory_xact_lock(7, 7)";

async function counter(t: TestContext) {
  const { url } = await freshDatabase(t);
  const open = (max: number) => {
    const db = openDatabase({ url, name: "test", max });
    t.after(() => db.$client.end());
    return db;
  };
  const others = open(2);
  await others.execute(sql`create table counter (n integer not null check (n < 10))`);
  await others.execute(sql`insert into counter values (1)`);
  const read = async (on: Pick<Tx, "execute">) => (await row<{ n: number }>(on, sql`select n from counter`))!.n;
  return { db: open(1), others, read };
}

const add = (tx: Tx, n: number) => ({
  sent: tx.execute(sql`update counter set n = n + ${n}::int`).then(() => "added"),
});

it("reads what was committed while its opening waited for a lock", async (t) => {
  const { db, others, read } = await counter(t);
  let waiting: Promise<number> | undefined;
  await inTransaction(others, async (tx) => {
    await tx.execute(sql.raw(LOCK));
    waiting = inTwoTrips(db, LOCK, read, async (_, n) => ({ sent: Promise.resolve(n) }));
    await until(
      async () =>
        (await row(
          others,
          sql`select 1 from pg_locks l join pg_database d on d.oid = l.database
               where d.datname = current_database() and locktype = 'advisory' and not granted`,
        )) !== undefined,
      "the other one waits",
    );
    await tx.execute(sql`update counter set n = 2`);
  });
  assert.equal(await waiting, 2);
});

it("commits what it sent last, or nothing of it, and its connection goes on", async (t) => {
  const { db, read } = await counter(t);
  assert.equal(await inTwoTrips(db, "select 1", read, async (tx) => add(tx, 1)), "added");
  assert.equal(await read(db), 2);
  // The last statement is refused: what was done before it is undone as well.
  const tooMuch = inTwoTrips(db, "select 1", read, async (tx) => {
    await add(tx, 1).sent;
    return add(tx, 100);
  });
  await assert.rejects(tooMuch, (error: Error) => /violates check constraint/.test(String(error.cause)));
  assert.equal(await read(db), 2);
  // The reads fail, and nobody acts upon them.
  const never = async () => assert.fail("acted without an answer");
  await assert.rejects(inTwoTrips(db, "select 1", (tx) => tx.execute(sql`select nothing`), never));
  // The opening fails: what was read beside it is not used.
  await assert.rejects(inTwoTrips(db, "select nothing", read, never), /nothing/);
  const undone = inTwoTrips(db, "select 1", read, async (tx) => {
    await add(tx, 1).sent;
    throw new Error("not today");
  });
  await assert.rejects(undone, /not today/);
  assert.equal(await read(db), 2);
});
