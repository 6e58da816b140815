// The account's budget: turns that nobody gets twice, the horizon, the pause with its single probe.
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { sql } from "drizzle-orm";
import { openDatabase, row, type Database } from "../../db/client.ts";
import { inTransaction } from "../../db/transaction.ts";
import { HORIZON_MS, probeGapMs, reserveTurns, type Turns } from "../../src/dialling/pacing.ts";
import {
  accountsWork,
  callerKey,
  pauseAccount,
  pauseLonger,
  UNKNOWN_IN_A_ROW,
  unknownRefusal,
} from "../../src/dialling/pause.ts";
import { dispatchOnce } from "../../src/runs/dispatch.ts";
import { migratedDatabase } from "../support/migrated.ts";
import { lastFirst } from "../support/scope.ts";
import { watchStalls } from "../support/stalls.ts";
import { againstLock, valueOf } from "../support/world/interleave.ts";
import { assertInvariants, world } from "../support/world.ts";

const ACCOUNT = "AC1";

async function database(t: TestContext): Promise<Database> {
  const scope = lastFirst(t);
  const { url } = await migratedDatabase(scope);
  const db = openDatabase({ url, name: "ringpost test" });
  scope.after(() => db.$client.end());
  return db;
}

const reserve = (db: Database, perSecond: number, wanted: number): Promise<Turns> =>
  inTransaction(db, (tx) => reserveTurns(tx, ACCOUNT, perSecond, wanted, GAP_MS));

const GAP_MS = probeGapMs({ postStartBudgetMs: 1_000, postTimeoutMs: 5_000 });

const pauseIsOver = (db: Database) =>
  db.execute(sql`update outbound_carrier_accounts set paused_until = clock_timestamp() - interval '1 ms'`);

const account = async (db: Database) =>
  (await row<{ kind: string | null; left: number | null; unknown: number }>(
    db,
    sql`select pause_kind as kind, (extract(epoch from paused_until - clock_timestamp()) * 1000)::float8 as left,
               unknown_errors as unknown
          from outbound_carrier_accounts where account_sid = ${ACCOUNT}`,
  ))!;

const ascending = (a: number, b: number) => a - b;

/** How much the clocks of the database and of this process may differ over a test. */
const CLOCKS_MS = 20;

/** Of what runs down, `expected` at the soonest `since`: less by no more than what has passed, however long that was. */
const near = (found: number | null | undefined, expected: number, since: number) => {
  const passed = performance.now() - since;
  assert.ok(
    found != null && found <= expected + CLOCKS_MS && found >= expected - passed - CLOCKS_MS,
    `${found} is not near ${expected}, ${passed} ms later`,
  );
};

describe("turns", () => {
  it("without a budget everybody goes at once", async (t) => {
    const db = await database(t);
    const all = { granted: 50, waitMs: 0, intervalMs: 0, again: null };
    assert.deepEqual(await reserve(db, Infinity, 50), all);
    assert.deepEqual(await reserve(db, Infinity, 50), all);
  });

  it("follow each other at the budget's interval, whoever asks", async (t) => {
    const db = await database(t);
    const since = performance.now();
    const first = await reserve(db, 10, 3);
    assert.deepEqual([first.granted, first.intervalMs, first.again], [3, 100, null]);
    near(first.waitMs, 0, since);
    near((await reserve(db, 10, 2)).waitMs, 300, since);
    near((await reserve(db, 10, 1)).waitMs, 500, since);
  });

  it("are given out no further ahead than the horizon, and say when to ask again", async (t) => {
    const db = await database(t);
    const since = performance.now();
    const first = await reserve(db, 10, 100);
    assert.equal(first.granted, HORIZON_MS / 100 + 1);
    assert.ok(first.again && first.again.inMs >= 50 && first.again.inMs <= 150);
    const second = await reserve(db, 10, 100);
    assert.ok(second.granted <= (performance.now() - since) / 100 + 1, "what little time has passed");
    assert.ok(second.again && second.again.inMs >= 50);
    await db.execute(sql`update outbound_carrier_accounts set next_turn_at = clock_timestamp() + interval '1 hour'`);
    const slow = await reserve(db, 0.1, 5);
    assert.deepEqual([slow.granted, slow.again?.key], [0, ACCOUNT]);
  });

  it("an idle account has saved nothing up: no burst", async (t) => {
    const db = await database(t);
    await reserve(db, 10, 1);
    await db.execute(sql`update outbound_carrier_accounts set next_turn_at = clock_timestamp() - interval '1 hour'`);
    assert.equal((await reserve(db, 10, 100)).granted, 11);
  });

  it("no two callers get the same turn, and a transaction that fails gives its turns back", async (t) => {
    const db = await database(t);
    const perSecond = 20;
    const nextTurn = async () =>
      (await row<{ ms: number }>(
        db,
        sql`select (extract(epoch from next_turn_at) * 1000)::float8 as ms from outbound_carrier_accounts where account_sid = ${ACCOUNT}`,
      ))!.ms;
    await reserve(db, perSecond, 1);
    const before = await nextTurn();
    const all = await Promise.all(Array.from({ length: 8 }, () => reserve(db, perSecond, 2)));
    assert.equal(
      all.reduce((sum, turns) => sum + turns.granted, 0),
      16,
    );
    const after = await nextTurn();
    // Exactly that far on where the machine was quick; a pause of its own adds to it.
    assert.ok(after - before >= 16 * 50 - 0.01, `${after - before} ms for 16 turns`);
    await assert.rejects(
      inTransaction(db, async (tx) => {
        assert.equal((await reserveTurns(tx, ACCOUNT, perSecond, 1, GAP_MS)).granted, 1);
        throw new Error("the claim failed");
      }),
    );
    assert.equal(await nextTurn(), after);
  });
});

describe("the pause", () => {
  it("grants nobody a turn until it is over, then one single probe", async (t) => {
    const db = await database(t);
    const paused = performance.now();
    await pauseAccount(db, ACCOUNT, { kind: "configuration", code: "21210", message: "caller id" });
    for (const perSecond of [Infinity, 10]) {
      const { granted, again } = await reserve(db, perSecond, 3);
      assert.equal(granted, 0);
      near(again?.inMs, 5_000, paused);
    }
    for (const perSecond of [Infinity, 10]) {
      await pauseIsOver(db);
      const since = performance.now();
      const asked = await Promise.all(Array.from({ length: 6 }, () => reserve(db, perSecond, 3)));
      assert.deepEqual(asked.map((turns) => turns.granted).toSorted(ascending), [0, 0, 0, 0, 0, 1]);
      near((await account(db)).left, GAP_MS, since);
      for (const { granted, again } of asked) if (granted === 0) near(again?.inMs, GAP_MS, since);
    }
  });

  it("sends no second probe before the first has an answer, or is known to have none", () => {
    assert.equal(probeGapMs({ postStartBudgetMs: 2_000, postTimeoutMs: 10_000 }), 13_000);
    assert.equal(probeGapMs({ postStartBudgetMs: 100, postTimeoutMs: 100 }), 5_000);
    // A pause never seems longer than that, or a clock that jumps back could stop the account for hours.
    assert.equal(probeGapMs({ postStartBudgetMs: 1_000, postTimeoutMs: 600_000 }), 300_000);
  });

  it("ends, and grows, in the order in which a dispatch takes it: its own keys, then the account", async (t) => {
    const w = await world(t);
    const own = callerKey(ACCOUNT, "+972501234567");
    const ending = () => accountsWork(w.db, [ACCOUNT, own]);
    const business = await w.business();
    await w.enqueue(business, await w.leads(business, 1));
    const [probe] = (await dispatchOnce(w.engine(), business.id)).claims;
    const growing = async () => {
      await w.db.execute(sql`update outbound_call_attempts set claimed_at = clock_timestamp()`);
      await pauseLonger(w.db, [ACCOUNT, own], probe!.token);
    };
    for (const change of [ending, growing]) {
      for (const key of [ACCOUNT, own]) await pauseAccount(w.db, key, { kind: "carrier", code: "20003", message: "" });
      let changing: Promise<unknown> | undefined;
      await inTransaction(w.db, async (tx) => {
        const lock = (key: string) =>
          tx.execute(sql`select 1 from outbound_carrier_accounts where account_sid = ${key} for no key update nowait`);
        await lock(own);
        changing = change();
        await w.untilBlocked(1);
        await lock(ACCOUNT);
      });
      await changing;
    }
  });

  it("the probe is not spent while the budget has no turn for it", async (t) => {
    const db = await database(t);
    await pauseAccount(db, ACCOUNT, { kind: "carrier", code: "20003", message: "" });
    await pauseIsOver(db);
    const since = performance.now();
    await db.execute(sql`update outbound_carrier_accounts set next_turn_at = clock_timestamp() + interval '2 s'`);
    const { granted, again } = await reserve(db, 1, 3);
    assert.equal(granted, 0);
    near(again?.inMs, 1_000, since);
    await db.execute(sql`update outbound_carrier_accounts set next_turn_at = clock_timestamp()`);
    assert.equal((await reserve(db, 1, 3)).granted, 1);
  });

  it("a business's own probe is not spent either while the account has no turn for it", async (t) => {
    const w = await world(t, { limits: { callsPerSecond: 1 } });
    const business = await w.business();
    await w.enqueue(business, await w.leads(business, 2));
    const engine = w.engine();
    const { accountSid } = engine.dialler;
    const own = callerKey(accountSid, business.from);
    await pauseAccount(w.db, own, { kind: "configuration", code: "21210", message: "caller id" });
    await w.db.execute(sql`update outbound_carrier_accounts set paused_until = clock_timestamp()`);
    // Others have the next turns, again and again.
    const nextTurn = (inMs: number) =>
      w.db.execute(sql`
        insert into outbound_carrier_accounts (account_sid, next_turn_at)
        values (${accountSid}, clock_timestamp() + make_interval(secs => ${inMs / 1000}))
            on conflict (account_sid) do update set next_turn_at = excluded.next_turn_at`);
    for (let times = 0; times < 3; times++) {
      await nextTurn(1_900);
      const { claims, turns } = await dispatchOnce(engine, business.id);
      assert.deepEqual([claims.length, turns.again?.key], [0, accountSid], "it waits for the account's turn alone");
    }
    await nextTurn(0);
    assert.equal((await dispatchOnce(engine, business.id)).claims.length, 1);
    const { claims, turns } = await dispatchOnce(engine, business.id);
    assert.deepEqual([claims.length, turns.again?.key], [0, own], "one probe at a time");
  });

  it("a clock that jumped back by hours stops nobody for hours", async (t) => {
    const db = await database(t);
    await reserve(db, 1, 1);
    await db.execute(sql`update outbound_carrier_accounts set next_turn_at = clock_timestamp() + interval '1 hour'`);
    assert.ok((await reserve(db, 1, 3)).again!.inMs <= 1_000);
    await pauseAccount(db, ACCOUNT, { kind: "carrier", code: "20003", message: "" });
    await db.execute(
      sql`update outbound_carrier_accounts set paused_until = clock_timestamp() + interval '1 hour', next_turn_at = now()`,
    );
    assert.equal((await reserve(db, 1, 3)).granted, 1, "a probe");
  });

  it("doubles each time, up to its bound; a placed call ends it", async (t) => {
    const db = await database(t);
    for (const seconds of [1, 2, 4, 8, 16, 30, 30, 30]) {
      const since = performance.now();
      await pauseAccount(db, ACCOUNT, { kind: "throttled", code: "20429", message: "" });
      near((await account(db)).left, seconds * 1000, since);
    }
    assert.equal(await accountsWork(db, [ACCOUNT]), true);
    assert.equal(await accountsWork(db, [ACCOUNT]), false);
    assert.equal((await reserve(db, Infinity, 3)).granted, 3);
    const since = performance.now();
    await pauseAccount(db, ACCOUNT, { kind: "throttled", code: "20429", message: "" });
    near((await account(db)).left, 1_000, since);
  });

  it("that is just being stored when a call is placed ends as well, and whoever ended it knows", async (t) => {
    const w = await world(t);
    await unknownRefusal(w.db, ACCOUNT, "29999", "?", "an attempt that nobody remembers");
    const [ended] = await againstLock(
      w,
      (tx) => pauseAccount(tx, ACCOUNT, { kind: "carrier", code: "29999", message: "?" }),
      () => accountsWork(w.db, [ACCOUNT]),
    );
    assert.equal(valueOf(ended), true);
    assert.equal((await account(w.db)).kind, null);
  });

  it("comes after five unknown refusals in a row, and a placed call starts the count anew", async (t) => {
    const db = await database(t);
    const refused = () => unknownRefusal(db, ACCOUNT, "29999", "?", "an attempt that nobody remembers");
    for (let n = 1; n < UNKNOWN_IN_A_ROW; n++) assert.equal(await refused(), false);
    assert.equal(await accountsWork(db, [ACCOUNT]), false, "nothing was paused");
    for (let n = 1; n < UNKNOWN_IN_A_ROW; n++) assert.equal(await refused(), false);
    assert.equal((await account(db)).kind, null);
    const since = performance.now();
    assert.equal(await refused(), true);
    assert.deepEqual([(await account(db)).kind, (await account(db)).unknown], ["carrier", 0]);
    near((await account(db)).left, 5_000, since);
    assert.equal(await refused(), true, "a probe's refusal pauses again at once: no lead a time is burned");
    near((await account(db)).left, 10_000, since);
  });
});

describe("pacing, as the carrier sees it", () => {
  it("two workers and two businesses keep to one account's budget", async (t) => {
    const w = await world(t, { limits: { callsPerSecond: 20, maxCallsPerBusiness: 10 } });
    await Promise.all([w.worker(), w.worker()]);
    const longestStall = watchStalls(t);
    const since = performance.now();
    const runs: number[] = [];
    for (let n = 0; n < 2; n++) {
      const business = await w.business();
      runs.push((await w.enqueue(business, await w.leads(business, 20), { concurrency: 10 })).runId);
    }
    for (const runId of runs) await w.untilRun(runId, "completed");
    assert.ok(performance.now() - since > 1_800, "40 calls at 20 per second");
    const { maxStartsInAnySecond } = await w.carrier.report();
    // A turn is when a call leaves; a busy machine delays some, towards those that come next, and so do all that fall due
    // while it stands still. Unpaced it would be all 40.
    const late = Math.floor((longestStall() / 1000) * 20);
    assert.ok(maxStartsInAnySecond <= 30 + late, `${maxStartsInAnySecond} calls began within one second, ${late} late`);
    await assertInvariants(w);
  });
});
