// The tick's wake-ups: for what got lost, and not for those who wait for a worker or for a turn anyway.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { rows } from "../../db/client.ts";
import { pauseAccount } from "../../src/dialling/pause.ts";
import { longestUnserved } from "../../src/runs/longestUnserved.ts";
import { wakeWaiting } from "../../src/runs/wakeWaiting.ts";
import { mutant } from "../support/mutant.ts";
import { assertInvariants, world, type World } from "../support/world.ts";
import type { StartWorker } from "../support/world/workers.ts";

const ACCOUNT_FREE = sql`update outbound_carrier_accounts set next_turn_at = clock_timestamp()`;

/** Businesses with leads waiting and no wake-up; the first was served last. */
async function forgotten(w: World, count: number): Promise<number[]> {
  const ids: number[] = [];
  for (let n = 0; n < count; n++) {
    const { id } = await w.business();
    await w.aRun({ business: w.businesses.at(-1)!, jobs: { queued: 2 }, lockedAgo: 0 });
    await w.db.execute(
      sql`update outbound_call_runs set last_served_at = now() - make_interval(secs => ${n}) where business_id = ${id}`,
    );
    ids.push(id);
  }
  return ids;
}

const asked = async (w: World): Promise<number[]> =>
  (
    await rows<{ id: number }>(
      w.db,
      sql`select substring(key from 'dispatch:(.*)')::int as id from graphile_worker.jobs where key like 'dispatch:%' order by id`,
    )
  ).map(({ id }) => id);

const forget = (w: World) => w.db.execute(sql`delete from graphile_worker._private_jobs`);

describe("the tick", () => {
  it("wakes whose wake-up got lost, and leaves those alone whose waits, but for one", async (t) => {
    const w = await world(t);
    const ids = await forgotten(w, 5);
    assert.equal(await wakeWaiting(w.engine()), 5);
    assert.deepEqual(await asked(w), ids);
    assert.equal(await wakeWaiting(w.engine()), 1, "Graphile may have missed what it was told");
    await w.db.execute(sql`delete from graphile_worker._private_jobs where key = ${`dispatch:${ids[2]}`}`);
    assert.equal(await wakeWaiting(w.engine()), 2);
    assert.deepEqual(await asked(w), ids);
  });

  it("takes a wake-up that failed, or is held by a worker, for lost", async (t) => {
    const w = await world(t);
    const [failed, held] = await forgotten(w, 2);
    await wakeWaiting(w.engine());
    await w.db.execute(sql`
      update graphile_worker._private_jobs set run_at = now() + interval '1 hour' where key = ${`dispatch:${failed}`}`);
    await w.db.execute(sql`
      update graphile_worker._private_jobs set locked_at = now(), locked_by = 'somebody' where key = ${`dispatch:${held}`}`);
    assert.equal(await wakeWaiting(w.engine()), 2);
    const due = await rows<{ key: string }>(
      w.db,
      sql`select key from graphile_worker.jobs where locked_at is null and run_at <= now() order by key`,
    );
    assert.deepEqual(
      due.map(({ key }) => key),
      [`dispatch:${failed}`, `dispatch:${held}`].toSorted(),
    );
  });

  it("wakes no more than the account has turns for, the longest unserved first", async (t) => {
    const w = await world(t, { limits: { callsPerSecond: 1 } });
    const { accountSid } = w.engine().dialler;
    const ids = await forgotten(w, 8);
    const longest = ids.toReversed();
    assert.equal(await wakeWaiting(w.engine()), 3, "the turns of three seconds");
    assert.deepEqual(await asked(w), longest.slice(0, 3).toSorted());

    await forget(w);
    await w.db.execute(sql`
      insert into outbound_carrier_accounts (account_sid, next_turn_at)
      values (${accountSid}, clock_timestamp() + interval '900 ms')`);
    assert.equal(await wakeWaiting(w.engine()), 1, "others use its turns");
    assert.deepEqual(await asked(w), longest.slice(3, 4), "those of before came in vain");

    await forget(w);
    await w.db.execute(ACCOUNT_FREE);
    await pauseAccount(w.db, accountSid, { kind: "throttled", code: "20429", message: "" });
    assert.equal(await wakeWaiting(w.engine()), 1, "it is paused");
    await forget(w);
    await w.db.execute(sql`update outbound_carrier_accounts set paused_until = clock_timestamp() - interval '1 ms'`);
    assert.equal(await wakeWaiting(w.engine()), 3, "the pause is over");
  });

  it("forgets nobody, however many come in vain for ever", async (t) => {
    const w = await world(t, { limits: { callsPerSecond: 1 } });
    await w.db.execute(sql`
      insert into outbound_carrier_accounts (account_sid, next_turn_at)
      values (${w.engine().dialler.accountSid}, clock_timestamp() + interval '1 hour')`);
    const ids = await forgotten(w, 4);
    const longest = ids.toReversed();
    const next = async () => {
      await forget(w);
      assert.equal(await wakeWaiting(w.engine()), 1);
      return (await asked(w))[0];
    };
    for (const id of [...longest, ...longest]) assert.equal(await next(), id);
    await w.db.execute(sql`update outbound_call_runs set last_served_at = now() where business_id = ${longest[2]}`);
    assert.deepEqual(await next(), longest[2], "who has been served since may have lost its wake-up again");
    assert.deepEqual(await next(), longest[0]);
  });

  it("wakes for every cancel, whatever the account may do", async (t) => {
    const w = await world(t, { limits: { callsPerSecond: 0.1 } });
    const ids = await forgotten(w, 6);
    await w.db.execute(sql`update outbound_call_runs set cancel_requested = true where business_id <> ${ids[0]}`);
    assert.equal(await wakeWaiting(w.engine()), 6);
    assert.deepEqual(await asked(w), ids);
  });
});

describe("many businesses that wait for one account's turns", () => {
  it("come up longest unserved first, new ones before all", async (t) => {
    const w = await world(t);
    const ids = await forgotten(w, 4);
    await w.db.execute(sql`update outbound_call_runs set last_served_at = null where business_id = ${ids[1]}`);
    const [over, cancelled] = [await w.business(), await w.business()];
    await w.aRun({ business: over, jobs: { calling: 1 }, lockedAgo: 0 });
    await w.aRun({ business: cancelled, cancelRequested: true, jobs: { calling: 1 }, lockedAgo: 0 });
    const all = [...ids, over.id, cancelled.id];
    assert.deepEqual(await longestUnserved(w.db, all), [ids[1], cancelled.id, ids[3], ids[2]]);
    assert.deepEqual(await longestUnserved(w.db, [ids[0]!, ids[2]!]), [ids[2], ids[0]]);
    assert.deepEqual(await longestUnserved(w.db, [over.id]), [], "it has nobody left to call");
  });

  it("have one turn each before anybody has his third, and don't all come for each", async (t) => {
    const businesses = 24;
    const rounds = 2;
    const measure = async (start?: StartWorker) => {
      const w = await world(t, { limits: { callsPerSecond: 12 } });
      const runs: number[] = [];
      for (let n = 0; n < businesses; n++) {
        const business = await w.business();
        runs.push((await w.enqueue(business, await w.leads(business, rounds + 4))).runId);
      }
      for (let n = 0; n < 2; n++) await w.worker({}, start);
      const calls = businesses * rounds;
      await w.carrier.waitFor((r) => r.totalCreates >= calls, 30_000);
      const [{ n }] = (await rows<{ n: number }>(
        w.db,
        sql`select xact_commit::int as n from pg_stat_database where datname = current_database()`,
      )) as [{ n: number }];
      const events = await w.carrier.events();
      const served = new Map<string, number>();
      const creates = events.filter((e) => e.kind === "create.arrived").slice(0, calls);
      for (const { from } of creates) served.set(from ?? "", (served.get(from ?? "") ?? 0) + 1);
      return { w, perCall: n / calls, unserved: businesses - served.size, most: Math.max(...served.values()) };
    };
    const { w, perCall, unserved, most } = await measure();
    t.diagnostic(`${perCall} transactions per call, at most ${most} calls of one business, ${unserved} unserved`);
    assert.equal(unserved, 0, `after ${rounds} rounds everybody has had a turn`);
    await assertInvariants(w);

    const herd = mutant(t, {
      file: "src/worker.ts",
      find: "lines.join(businessId, again)",
      replace: "void setTimeout(() => void callUp(businessId).catch(() => {}), again.inMs)",
    });
    const { startWorker } = await herd<{ startWorker: StartWorker }>("src/worker.ts");
    const all = await measure(startWorker);
    t.diagnostic(`with a timer each: ${all.perCall} transactions per call, ${all.unserved} unserved`);
    assert.ok(all.perCall > 1.3 * perCall, "otherwise the test proves nothing");
  });
});
