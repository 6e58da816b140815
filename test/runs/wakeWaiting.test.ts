// The tick's wake-ups: for what got lost, and not for those who wait for a worker or for a turn anyway.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { rows } from "../../db/client.ts";
import { TurnTaking } from "../../src/runs/turnTaking.ts";
import { wakeDispatch } from "../../src/runs/wake.ts";
import { wakeWaiting } from "../../src/runs/wakeWaiting.ts";
import { mutant } from "../support/mutant.ts";
import { until } from "../support/until.ts";
import { assertInvariants, world, type World } from "../support/world.ts";
import type { StartWorker } from "../support/world/workers.ts";

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

/** Who is lined up by a tick, and how many it has cared for. */
async function aTick(w: World, inMs?: number) {
  const lined: number[] = [];
  const waits = new Set<number | undefined>();
  const engine = w.engine({
    dispatchInTurn(id, again) {
      assert.equal(again.key, engine.dialler.accountSid);
      lined.push(id);
      waits.add(again.inMs);
    },
  });
  return { count: await wakeWaiting(engine, inMs), lined, waits: [...waits] };
}

describe("the tick", () => {
  it("lines up whose wake-up got lost, and leaves those alone whose waits, but for one", async (t) => {
    const w = await world(t);
    const ids = await forgotten(w, 5);
    assert.deepEqual(await aTick(w), { count: 5, lined: ids, waits: [undefined] });
    assert.deepEqual(await asked(w), []);
    assert.deepEqual((await aTick(w, 0)).waits, [0]);
    for (const id of [ids[1]!, ids[3]!]) await wakeDispatch(w.db, id);
    const lost = [ids[0], ids[2], ids[4]];
    assert.deepEqual(await aTick(w), { count: 4, lined: lost, waits: [undefined] }, "one is told of once more");
    assert.deepEqual(await asked(w), [ids[1], ids[3]]);
  });

  it("takes a wake-up that failed, or is held by a worker, for lost", async (t) => {
    const w = await world(t);
    const ids = await forgotten(w, 3);
    for (const id of ids) await wakeDispatch(w.db, id);
    const [failed, held, over] = ids.map((id) => `dispatch:${id}`);
    await w.db.execute(
      sql`update graphile_worker._private_jobs set run_at = now() + interval '1 hour' where key = ${failed}`,
    );
    await w.db.execute(
      sql`update graphile_worker._private_jobs set locked_at = now(), locked_by = 'somebody' where key = ${held}`,
    );
    await w.db.execute(sql`update graphile_worker._private_jobs set attempts = max_attempts where key = ${over}`);
    assert.deepEqual((await aTick(w)).lined, ids);
  });

  it("wakes for every cancel, which waits for no turn", async (t) => {
    const w = await world(t);
    const ids = await forgotten(w, 4);
    await w.db.execute(sql`update outbound_call_runs set cancel_requested = true where business_id <> ${ids[0]}`);
    assert.deepEqual((await aTick(w)).lined, ids.slice(0, 1));
    assert.deepEqual(await asked(w), ids.slice(1));
  });

  it("finds those who stood in line where a worker died, also while others use all the account's turns", async (t) => {
    const w = await world(t, { limits: { callsPerSecond: 4 } });
    const never = await w.business();
    await w.db.execute(sql`update business set phone_number = null where id = ${never.id}`);
    await w.aRun({ business: never, jobs: { queued: 1 }, lockedAgo: 0 });
    const busy = await w.business({ limit: 10 });
    await w.enqueue(busy, await w.leads(busy, 60), { concurrency: 10 });
    await w.worker();
    await w.carrier.waitFor((r) => r.totalCreates > 4);
    const ids = await forgotten(w, 6);
    const since = performance.now();
    const servedAll = sql`select count(*)::int as n from outbound_call_runs
                           where business_id = any (${sql.param(ids)}::int[]) and in_progress_count + cursor_position > 0`;
    await until(
      async () => (await rows<{ n: number }>(w.db, servedAll))[0]!.n === ids.length,
      () => Promise.resolve("not all had a turn"),
    );
    t.diagnostic(`six businesses had a turn after ${Math.round(performance.now() - since)} ms`);
    await assertInvariants(w);
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
    const turns = new TurnTaking(w.db);
    assert.deepEqual(await turns.first(all, 9), [ids[1], ids[3], ids[2], ids[0], cancelled.id]);
    assert.deepEqual(await turns.first(all, 2), [ids[1], ids[3]]);
    assert.deepEqual(await turns.first([ids[0]!, ids[2]!], 3), [ids[2], ids[0]]);
    assert.deepEqual(await turns.first([over.id], 3), [], "it has nobody left to call");
  });

  it("cannot jump the line with a run for each lead", async (t) => {
    const w = await world(t);
    const [sly, honest] = [await w.business(), await w.business()];
    for (const business of [sly, honest]) await w.aRun({ business, jobs: { queued: 1 }, lockedAgo: 0 });
    await w.db.execute(
      sql`update outbound_call_runs set last_served_at = now() - interval '10 s' where business_id = ${honest.id}`,
    );
    const [turns, elsewhere] = [new TurnTaking(w.db), new TurnTaking(w.db)];
    const first = () => turns.first([sly.id, honest.id], 1);
    assert.deepEqual(await first(), [sly.id], "it was never served");
    // Its run of one lead is on the phone, or has ended, and the next one waits.
    turns.took(sly.id);
    assert.deepEqual(await first(), [honest.id]);
    assert.deepEqual(await elsewhere.first([sly.id, honest.id], 1), [sly.id], "nobody else knows");
    await w.aRun({ business: sly, jobs: { calling: 1 }, lockedAgo: 0 });
    assert.deepEqual(await elsewhere.first([sly.id, honest.id], 1), [honest.id], "its live call is seen by all");
  });

  it("all have a turn within three rounds, and don't all come for each", async (t) => {
    const businesses = 24;
    const rounds = 3;
    const counter = globalThis as { inVain?: number };
    const measure = async (dispatchInTurn: string) => {
      const counting = mutant(t, {
        file: "src/worker.ts",
        find: "dispatchInTurn: (businessId, again) => lines.join(businessId, again)",
        replace: `dispatchInTurn: (businessId, again) => { globalThis.inVain++; ${dispatchInTurn}; }`,
      });
      const { startWorker } = await counting<{ startWorker: StartWorker }>("src/worker.ts");
      const w = await world(t, { limits: { callsPerSecond: 8 } });
      for (let n = 0; n < businesses; n++) {
        const business = await w.business();
        await w.enqueue(business, await w.leads(business, rounds + 4));
      }
      counter.inVain = 0;
      for (let n = 0; n < 2; n++) await w.worker({}, startWorker);
      const calls = businesses * rounds;
      await w.carrier.waitFor((r) => r.totalCreates >= calls, 30_000);
      const inVain = counter.inVain / calls;
      const events = await w.carrier.events();
      const served = new Map<string, number>();
      const creates = events.filter((e) => e.kind === "create.arrived").slice(0, calls);
      for (const { from } of creates) served.set(from ?? "", (served.get(from ?? "") ?? 0) + 1);
      return { w, inVain, unserved: businesses - served.size, most: Math.max(...served.values()) };
    };
    const { w, inVain, unserved, most } = await measure("lines.join(businessId, again)");
    t.diagnostic(`${inVain} dispatches in vain per call, at most ${most} calls of one business, ${unserved} unserved`);
    assert.equal(unserved, 0, `after ${rounds} rounds everybody has had a turn`);
    await assertInvariants(w);

    const all = await measure("void setTimeout(() => void callUp(businessId).catch(() => {}), again.inMs)");
    t.diagnostic(`with a timer each: ${all.inVain} dispatches in vain per call, ${all.unserved} unserved`);
    assert.ok(all.inVain > 1.5 * inVain, "otherwise the test proves nothing");
  });
});
