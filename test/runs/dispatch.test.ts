// Dispatch and claim: the cap holds when two workers claim at once, and proves that it is the lock that holds it;
// limits of businesses and runs, fairness, refills by events.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { openDatabase, rows, type Tx } from "../../db/client.ts";
import { violatedConstraint } from "../../db/pgErrors.ts";
import { inTransaction } from "../../db/transaction.ts";
import { lockBusiness } from "../../db/locks.ts";
import * as original from "../../src/runs/dispatch.ts";
import type { StartWorker } from "../support/world/workers.ts";
import { againstLock, valueOf } from "../support/world/interleave.ts";
import { mutant } from "../support/mutant.ts";
import { watchStalls } from "../support/stalls.ts";
import { assertInvariants, world, type Business, type World } from "../support/world.ts";

type Dispatch = Pick<typeof original, "dispatchOnce">;

const ascending = (a: number, b: number) => a - b;

const lockRunRow = (runId: number) => (tx: Tx) =>
  tx.execute(sql`select 1 from outbound_call_runs where id = ${runId} for no key update`);

/** Two dispatches of one business, both waiting for the run's row before they can choose jobs; then let go together. */
async function twoAtOnce(w: World, business: Business, runId: number, { dispatchOnce }: Dispatch) {
  const one = () => dispatchOnce(w.engine(), business.id);
  return await againstLock(w, lockRunRow(runId), one, one);
}

const slotsOf = (w: World, business: Business) =>
  rows<{ slot_no: number }>(
    w.db,
    sql`select slot_no from outbound_call_slots where business_id = ${business.id} order by slot_no`,
  );

describe("the claim", () => {
  it("two workers in the claim at once: one fills the slots, the other finds none", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 3 });
    const { runId } = await w.enqueue(business, await w.leads(business, 10), { concurrency: 10 });
    const results = await twoAtOnce(w, business, runId, original);
    const claims = results.map((r) => valueOf(r).claims.length);
    assert.deepEqual(claims.toSorted(ascending), [0, 3]);
    assert.deepEqual(await slotsOf(w, business), [{ slot_no: 1 }, { slot_no: 2 }, { slot_no: 3 }]);
    await assertInvariants(w);
  });

  it("the same when both wait for the business's lock itself, many times over", async (t) => {
    const w = await world(t);
    for (let round = 0; round < 10; round++) {
      const business = await w.business({ limit: 3 });
      await w.enqueue(business, await w.leads(business, 10), { concurrency: 10 });
      const one = () => original.dispatchOnce(w.engine(), business.id);
      const results = await againstLock(w, (tx) => lockBusiness(tx, business.id), one, one, one, one);
      assert.deepEqual(results.map((r) => valueOf(r).claims.length).toSorted(ascending), [0, 0, 0, 3]);
    }
    await assertInvariants(w);
  });

  it("without the business's lock, the slots' primary key refuses the second claim", async (t) => {
    const w = await world(t);
    const broken = mutant(t, {
      file: "db/locks.ts",
      find: "return `select pg_advisory_xact_lock(${DISPATCH_CLASS}, ${businessId})`",
      replace: "return `select 1 where ${businessId} = 0`",
    });
    const business = await w.business({ limit: 3 });
    const { runId } = await w.enqueue(business, await w.leads(business, 10), { concurrency: 10 });
    const results = await twoAtOnce(w, business, runId, await broken<Dispatch>("src/runs/dispatch.ts"));
    const refused = results.filter((r) => r.status === "rejected").map((r) => violatedConstraint(r.reason));
    assert.deepEqual(refused, ["outbound_call_slots_pkey"], "the same scenario fails without the lock");
    assert.equal((await slotsOf(w, business)).length, 3, "and yet nobody gets a fourth call");
    await assertInvariants(w);
  });

  it("claims by id, gives each job a token, a slot and an attempt of its own, and names the worker", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 3 });
    const { runId } = await w.enqueue(business, await w.leads(business, 5), { concurrency: 5 });
    const engine = w.engine();
    const { claims } = await original.dispatchOnce(engine, business.id);
    const jobs = await w.jobs(runId);
    assert.deepEqual(
      claims.map((c) => c.jobId),
      jobs.slice(0, 3).map((job) => job.id),
    );
    assert.equal(new Set(claims.map((c) => c.token)).size, 3);
    assert.deepEqual(
      claims.map((c) => c.from),
      [business.from, business.from, business.from],
    );
    const run = await w.run(runId);
    assert.deepEqual([run.status, run.lockedBy, run.inProgress, run.queued], ["running", engine.worker.name, 3, 2]);
    await assertInvariants(w);
  });

  it("goes on after a migration has changed the type of what it reads, on the connections that were open before", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 3 });
    await w.enqueue(business, await w.leads(business, 3));
    const claimOne = async () => (await original.dispatchOnce(w.engine(), business.id)).claims.length;
    await w.setLimit(business, 1);
    assert.equal(await claimOne(), 1);
    await w.db.execute(sql`alter table outbound_call_jobs alter column to_number type varchar(99)`);
    await w.setLimit(business, 2);
    assert.equal(await claimOne(), 1);
    await w.db.execute(sql`alter table outbound_business_settings alter column caller_id type varchar(99)`);
    await w.setLimit(business, 3);
    assert.equal(await claimOne(), 1);
    await assertInvariants(w);
  });

  it("reads the jobs it claims, and not all that wait", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 3 });
    await w.enqueue(business, await w.leads(business, 5_000));
    await w.db.execute(sql`analyze outbound_call_jobs`);
    const db = openDatabase({ url: w.url, name: "ringpost test", max: 1 });
    const readInSequence = async () => {
      await db.execute(sql`select pg_stat_force_next_flush()`);
      return await rows(db, sql`select seq_tup_read from pg_stat_user_tables where relname = 'outbound_call_jobs'`);
    };
    try {
      const before = await readInSequence();
      assert.equal((await original.dispatchOnce(w.engine({ db }), business.id)).claims.length, 3);
      assert.deepEqual(await readInSequence(), before);
    } finally {
      await db.$client.end();
    }
  });

  it("plans a claim once, not for each of them", async (t) => {
    const w = await world(t);
    const db = openDatabase({ url: w.url, name: "ringpost test", max: 1 });
    try {
      for (let n = 0; n < 3; n++) {
        const business = await w.business({ limit: 1 });
        await w.enqueue(business, await w.leads(business, 1));
        assert.equal((await original.dispatchOnce(w.engine({ db }), business.id)).claims.length, 1);
      }
      const plans = await rows(
        db,
        sql`select name, generic_plans::int as once, custom_plans::int as anew from pg_prepared_statements
             where name in ('claim_jobs', 'waiting_runs') order by name`,
      );
      assert.deepEqual(plans, [
        { name: "claim_jobs", once: 3, anew: 0 },
        { name: "waiting_runs", once: 3, anew: 0 },
      ]);
    } finally {
      await db.$client.end();
    }
  });

  it("waits for no job that somebody else has locked", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 3 });
    const { runId } = await w.enqueue(business, await w.leads(business, 5), { concurrency: 5 });
    const [first] = await w.jobs(runId);
    await inTransaction(w.db, async (tx) => {
      await tx.execute(sql`select 1 from outbound_call_jobs where id = ${first!.id} for update`);
      const { claims } = await original.dispatchOnce(w.engine(), business.id);
      assert.equal(claims.length, 3);
      assert.ok(claims.every((claim) => claim.jobId !== first!.id));
    });
    await assertInvariants(w);
  });
});

describe("limits", () => {
  it("keeps the run's concurrency and the business's limit at once", async (t) => {
    const w = await world(t, { carrier: { preset: "fast" } });
    const business = await w.business({ limit: 5 });
    const runs: number[] = [];
    for (const concurrency of [2, 4]) {
      const leads = await w.leads(business, 30);
      await w.carrier.group(`${concurrency}`, await w.numbersOf(leads));
      runs.push((await w.enqueue(business, leads, { concurrency })).runId);
    }
    // All that may begin at once, does.
    const hold = await w.carrier.holdCreates();
    await Promise.all([w.worker(), w.worker()]);
    await hold.reached(5);
    await hold.release();
    for (const runId of runs) await w.untilRun(runId, "completed", 30_000);
    const report = await w.carrier.report();
    assert.equal(report.maxLivePerFrom[business.from], 5, "both together reach the business's limit");
    assert.equal(report.groupMax["2"], 2);
    assert.ok(report.groupMax["4"]! >= 3 && report.groupMax["4"]! <= 4);
    await assertInvariants(w);
  });

  it("raising the limit takes effect at the next dispatch, lowering it lets live calls finish", async (t) => {
    const w = await world(t, { carrier: { preset: "realistic", scripts: [{ talkMs: 600_000, outcome: "answered" }] } });
    const business = await w.business({ limit: 2 });
    await w.worker();
    const { runId } = await w.enqueue(business, await w.leads(business, 20), { concurrency: 10 });
    await w.untilRun(runId, (run) => run.inProgress === 2);
    await w.setLimit(business, 6);
    await w.untilRun(runId, (run) => run.inProgress === 6);
    await w.carrier.waitFor((report) => report.liveNow === 6);
    await w.setLimit(business, 4);
    assert.equal((await original.dispatchOnce(w.engine(), business.id)).claims.length, 0);
    assert.equal((await w.carrier.report()).liveNow, 6);
    await assertInvariants(w);
  });

  it("a disabled business pauses, and goes on when it is enabled again", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 1 });
    const hold = await w.carrier.holdCreates({ from: business.from });
    await w.worker();
    const { runId } = await w.enqueue(business, await w.leads(business, 6));
    await hold.reached(1);
    await w.db.execute(sql`update business set calls_enabled = false where id = ${business.id}`);
    await hold.release();
    await w.untilRun(runId, (run) => run.inProgress === 0);
    const paused = await w.run(runId);
    assert.deepEqual([paused.status, paused.queued, paused.completed], ["running", 5, 1]);
    assert.equal((await original.dispatchOnce(w.engine(), business.id)).claims.length, 0);
    await w.db.execute(sql`update business set calls_enabled = true where id = ${business.id}`);
    await w.untilRun(runId, "completed");
    await assertInvariants(w);
  });

  it("dials nothing without a caller id, and burns nobody", async (t) => {
    const w = await world(t);
    const business = await w.business();
    await w.db.execute(sql`update business set phone_number = 'none' where id = ${business.id}`);
    await w.enqueue(business, await w.leads(business, 3));
    assert.equal((await original.dispatchOnce(w.engine(), business.id)).claims.length, 0);
    const { claims } = await original.dispatchOnce(w.engine({ callerId: "+97235559999" }), business.id);
    assert.deepEqual(
      claims.map((c) => c.from),
      Array.from({ length: 3 }, () => "+97235559999"),
    );
  });
});

describe("fairness", () => {
  it("serves two runs of one business side by side, though one came first with many leads", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 4 });
    const large = await w.enqueue(business, await w.leads(business, 40), { concurrency: 10 });
    const small = await w.enqueue(business, await w.leads(business, 8), { concurrency: 10 });
    const engine = w.engine();
    const { claims } = await original.dispatchOnce(engine, business.id);
    const of = (runId: number) => claims.filter((claim) => claim.runId === runId).length;
    assert.deepEqual([of(large.runId), of(small.runId)], [2, 2]);
    await assertInvariants(w);
  });

  it("the small run does not wait for the large one's end", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 2 });
    const large = await w.enqueue(business, await w.leads(business, 60), { concurrency: 10 });
    const small = await w.enqueue(business, await w.leads(business, 10), { concurrency: 10 });
    await w.worker();
    await w.untilRun(small.runId, "completed");
    const { completed } = await w.run(large.runId);
    assert.ok(completed < 40, `the large run was ${completed} of 60 calls ahead`);
    await w.untilRun(large.runId, "completed");
    await assertInvariants(w);
  });

  it("20 businesses do not starve each other: all have their calls out before the first call has ended", async (t) => {
    const w = await world(t);
    const greedy = await w.business({ limit: 2 });
    const runs = [await w.enqueue(greedy, await w.leads(greedy, 60), { concurrency: 10 })];
    for (let n = 1; n < 20; n++) {
      const business = await w.business({ limit: 2 });
      runs.push(await w.enqueue(business, await w.leads(business, 4)));
    }
    const hold = await w.carrier.holdCreates();
    await w.worker();
    await hold.reached(40, 15_000);
    await hold.release();
    for (const { runId } of runs.slice(1)) await w.untilRun(runId, "completed");
    const { status } = await w.run(runs[0]!.runId);
    assert.equal(status, "running", "the greedy one, though first, is the last");
    await w.untilRun(runs[0]!.runId, "completed");
    for (const { from } of w.businesses) assert.equal((await w.carrier.report()).maxLivePerFrom[from], 2);
    await assertInvariants(w);
  });
});

describe("a freed slot", () => {
  it("is filled again by an event, though the maintenance tick comes once an hour", async (t) => {
    const w = await world(t, { carrier: { preset: "fast" } });
    const sleepy = mutant(t, {
      file: "src/worker.ts",
      find: /const TICK_MS = [\d_]+;/,
      replace: "const TICK_MS = 3_600_000;",
    });
    const { startWorker } = await sleepy<{ startWorker: StartWorker }>("src/worker.ts");
    const business = await w.business({ limit: 1 });
    await w.worker({}, startWorker);
    const longestStall = watchStalls(t);
    const { runId } = await w.enqueue(business, await w.leads(business, 12));
    await w.untilRun(runId, "completed", 30_000);
    const events = await w.carrier.events();
    const ends = events.filter((e) => e.kind === "call.ended").map((e) => e.atMs);
    const creates = events.filter((e) => e.kind === "create.arrived").map((e) => e.atMs);
    const gaps = creates.slice(1).map((at, n) => at - ends[n]!);
    assert.equal(gaps.length, 11);
    const stallMs = longestStall();
    assert.ok(
      Math.max(...gaps) < 500 + stallMs,
      `the next call came after ${gaps.join(", ")} ms, ${stallMs} stood still`,
    );
    assert.ok(Math.min(...gaps) >= 0, "and never before the slot was free");
    await assertInvariants(w);
  });
});
