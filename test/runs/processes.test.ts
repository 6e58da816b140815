// Real worker processes side by side: two runs of one business and twenty other businesses, seen from the carrier.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { rows } from "../../db/client.ts";
import { seeded } from "../support/random.ts";
import { sized } from "../support/sizes.ts";
import { until } from "../support/until.ts";
import { assertInvariants, world, type Business, type World } from "../support/world.ts";

interface Started {
  business: Business;
  runId: number;
  numbers: string[];
}

async function start(w: World, business: Business, count: number, concurrency: number): Promise<Started> {
  const leads = await w.leads(business, count);
  const { runId, queued } = await w.enqueue(business, leads, { concurrency });
  assert.equal(queued, count);
  return { business, runId, numbers: await w.numbersOf(leads) };
}

describe("four worker processes", () => {
  const size = sized(200, 1_000);
  it(`call ${size} leads of 21 businesses once each, every business at exactly its limit`, async (t) => {
    // The first POSTs wait at the door until the last worker has started, which takes long on a busy machine.
    const patient = { postTimeoutMs: 60_000, settleMs: 90_000 };
    const w = await world(t, { carrier: { preset: "fast" }, limits: patient });
    const random = seeded(5);
    const large = await w.business({ limit: 5 });
    const share = Math.floor(size / 4);
    const runs = [await start(w, large, share, 3), await start(w, large, share, 4)];
    await w.carrier.group("3", runs[0]!.numbers);
    await w.carrier.group("4", runs[1]!.numbers);
    const each = Math.floor((size - 2 * share) / 20);
    for (let n = 0; n < 20; n++) {
      const business = await w.business({ limit: 1 + random.below(4) });
      runs.push(await start(w, business, each, 10));
    }
    // Nobody's call begins before all slots of all businesses are at the carrier's door.
    const slots = w.businesses.reduce((sum, { highestLimit }) => sum + highestLimit, 0);
    const hold = await w.carrier.holdCreates();
    const workers = await Promise.all(Array.from({ length: 4 }, () => w.spawnWorker()));
    await hold.reached(slots, 60_000);
    await hold.release();
    for (const { runId } of runs) await w.untilRun(runId, "completed", 60_000);

    const report = await w.carrier.report();
    assert.equal(report.accepted, 2 * share + 20 * each);
    for (const { from, highestLimit } of w.businesses) assert.equal(report.maxLivePerFrom[from], highestLimit, from);
    assert.ok(report.groupMax["3"]! <= 3 && report.groupMax["4"]! <= 4, "each run keeps its concurrency");
    const served = await rows<{ id: string }>(w.db, sql`select distinct worker_id as id from outbound_call_attempts`);
    assert.ok(served.length > 1, "more than one process took part");
    assert.ok(served.every(({ id }) => workers.some((worker) => worker.id === id)));
    await assertInvariants(w);

    await Promise.all(workers.map((worker) => worker.stop()));
    // Signed off, or buried already by one that ended later.
    assert.deepEqual(await rows(w.db, sql`select name from outbound_workers where stopped_at is null`), []);
  });
});

describe("a worker that is told to end", () => {
  it("lets its POSTs finish, hands the rest over, and nobody is called twice", async (t) => {
    const w = await world(t, { carrier: { preset: "fast" } });
    const business = await w.business({ limit: 5 });
    const first = await w.worker();
    const { runId } = await start(w, business, 60, 5);
    await w.untilRun(runId, (run) => run.completed > 5);
    const second = await w.worker();
    await first.stop(2_000);
    const claims = await rows<{ n: number }>(
      w.db,
      sql`select count(*)::int as n from outbound_call_attempts where worker_id = ${first.identity.id}::uuid and settled_at is null`,
    );
    assert.deepEqual(claims, [{ n: 0 }], "no POST of it is left without an answer");
    assert.equal((await w.untilRun(runId, "completed")).completed, 60);
    await second.stop(2_000);
    await assertInvariants(w);
  });

  it("gives claims back that wait for their turn", async (t) => {
    const w = await world(t, { limits: { callsPerSecond: 2 } });
    const business = await w.business({ limit: 5 });
    const worker = await w.worker();
    const { runId } = await start(w, business, 10, 5);
    await until(async () => (await w.run(runId)).inProgress > 1, "claims that wait");
    await worker.stop(5_000);
    const run = await w.run(runId);
    await w.quiet();
    await w.untilRun(runId, ({ inProgress }) => inProgress === 0);
    const { totalCreates } = await w.carrier.report();
    assert.ok(totalCreates < 4 && run.queued >= 7, `${totalCreates} calls, ${run.queued} queued`);
    assert.equal((await w.run(runId)).queued, 10 - totalCreates);
    await assertInvariants(w);
  });
});
