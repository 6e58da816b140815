// News of a call in any order, repeated, late, early or of nobody: the job only goes forward, and everything is counted
// once.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { row, rows } from "../../db/client.ts";
import { lockBusiness } from "../../db/locks.ts";
import { inTransaction } from "../../db/transaction.ts";
import { beginAttempt } from "../../src/runs/begin.ts";
import type { Claim } from "../../src/runs/claim.ts";
import { dispatchOnce } from "../../src/runs/dispatch.ts";
import { applyNews, type CarrierNews } from "../../src/runs/news.ts";
import { requeueJob } from "../../src/runs/requeue.ts";
import { stopRun } from "../../src/runs/stop.ts";
import { seeded } from "../support/random.ts";
import { againstLock, valueOf } from "../support/world/interleave.ts";
import { assertInvariants, world, type Business, type World } from "../support/world.ts";

let lastSid = 0;
const aSid = () => `CA${String(++lastSid).padStart(32, "0")}`;

/** A call on its way: claimed and begun, with nobody to dial it. */
async function begun(w: World, business: Business): Promise<Claim> {
  await w.enqueue(business, await w.leads(business, 1), { concurrency: 10 });
  const { claims } = await dispatchOnce(w.engine(), business.id);
  assert.equal(claims.length, 1);
  assert.equal(await beginAttempt(w.db, claims[0]!), "begun");
  return claims[0]!;
}

/** Two clean look-ups said that the carrier has no call of it: back in the queue. */
async function givenUp(w: World, claim: Claim): Promise<void> {
  assert.equal(await inTransaction(w.db, (tx) => requeueJob(tx, claim, "not_found", "reconcile")), "queued");
}

const CALLBACKS = ["initiated", "ringing", "in-progress", "completed"] as const;

function newsOf(claim: Claim, sid: string, status: string, more: Partial<CarrierNews> = {}): CarrierNews {
  const durationSeconds = status === "completed" ? 42 : null;
  return { token: claim.token, sid, status, durationSeconds, from: "callback", ...more };
}

function ordersOf<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, n) => ordersOf(items.toSpliced(n, 1)).map((rest) => [item, ...rest]));
}

interface LogRow {
  business_id: number;
  lead_id: number;
  from_number: string;
  to_number: string;
  direction: string;
  status: string;
  call_status: string;
  duration: number | null;
  customer_name: string;
}

const logOf = (w: World, sid: string) => rows<LogRow>(w.db, sql`select * from call_log where call_sid = ${sid}`);

const trailOf = async (w: World, jobId: number) =>
  (
    await rows<{ kind: string }>(w.db, sql`select kind from outbound_run_events where job_id = ${jobId} order by id`)
  ).map(({ kind }) => kind);

describe("news of a call", () => {
  it("all four callbacks in every order, with the answer and repetitions among them, end alike", async (t) => {
    const seed = Date.now() % 100_000;
    t.diagnostic(`seed ${seed}`);
    const random = seeded(seed);
    const w = await world(t);
    const business = await w.business({ limit: 50 });
    const orders = ordersOf(CALLBACKS);
    assert.equal(orders.length, 24);
    for (const order of orders) {
      const claim = await begun(w, business);
      const sid = aSid();
      const told = order.map((status) => newsOf(claim, sid, status));
      told.splice(random.below(5), 0, newsOf(claim, sid, "queued", { from: "answer" }));
      for (let again = 0; again < 3; again++) told.splice(random.below(told.length + 1), 0, random.pick(told));
      for (const news of told) await applyNews(w.db, news);

      const words = told.map((news) => news.status).join(", ");
      const [job] = await w.jobs(claim.runId);
      assert.deepEqual(
        [job!.status, job!.outcome, job!.callStatus, job!.sid, job!.errorMessage],
        ["completed", "completed", "completed", sid, null],
        words,
      );
      const run = await w.run(claim.runId);
      assert.deepEqual(
        [run.status, run.completed, run.failed, run.cursor, run.inProgress],
        ["completed", 1, 0, 1, 0],
        words,
      );
      const [log, ...others] = await logOf(w, sid);
      assert.deepEqual(
        [log?.status, log?.call_status, log?.duration, others.length],
        ["completed", "completed", 42, 0],
        words,
      );
      assert.equal((await trailOf(w, claim.jobId)).filter((kind) => kind === "job.ended").length, 1, words);
    }
    await assertInvariants(w);
  });

  it("busy, no-answer, failed and canceled fail the job, and say so; the run completes", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 50 });
    for (const end of ["busy", "no-answer", "failed", "canceled"]) {
      const claim = await begun(w, business);
      const sid = aSid();
      assert.equal(await applyNews(w.db, newsOf(claim, sid, "ringing")), "applied");
      assert.equal(await applyNews(w.db, newsOf(claim, sid, end, { durationSeconds: 0 })), "applied");
      for (const late of ["completed", "busy", "ringing", end])
        assert.equal(await applyNews(w.db, newsOf(claim, sid, late)), "ignored");
      const [job] = await w.jobs(claim.runId);
      assert.deepEqual([job!.status, job!.outcome, job!.callStatus, job!.errorMessage], ["failed", end, end, end]);
      const run = await w.run(claim.runId);
      assert.deepEqual([run.status, run.failed, run.completed, run.cursor], ["completed", 1, 0, 1]);
      assert.deepEqual(
        (await logOf(w, sid)).map((l) => [l.status, l.duration]),
        [[end, 0]],
      );
    }
    await assertInvariants(w);
  });

  it("writes call_log as the CRM reads it, from the first news on", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const claim = await begun(w, business);
    const sid = aSid();
    await applyNews(w.db, newsOf(claim, sid, "queued", { from: "answer" }));
    const [job] = await w.jobs(claim.runId);
    const [first] = await logOf(w, sid);
    const { business_id, lead_id, from_number, to_number, direction, customer_name } = first!;
    assert.deepEqual(
      { business_id, lead_id, from_number, to_number, direction, customer_name },
      {
        business_id: business.id,
        lead_id: job!.leadId,
        from_number: business.from,
        to_number: job!.to,
        direction: "outbound",
        customer_name: "Lead 1",
      },
    );
    assert.deepEqual([first!.status, first!.call_status, first!.duration], ["queued", "queued", null]);
    await applyNews(w.db, newsOf(claim, sid, "in-progress"));
    assert.deepEqual(
      (await logOf(w, sid)).map((l) => l.status),
      ["in-progress"],
    );
    await applyNews(w.db, newsOf(claim, sid, "completed"));
    assert.deepEqual(
      (await logOf(w, sid)).map((l) => [l.status, l.duration]),
      [["completed", 42]],
    );
    await assertInvariants(w);
  });

  it("late news of an ended call change nothing, not one row", async (t) => {
    const w = await world(t);
    const claim = await begun(w, await w.business());
    const sid = aSid();
    await applyNews(w.db, newsOf(claim, sid, "completed"));
    const everything = async () => [
      await rows(w.db, sql`select * from outbound_call_jobs`),
      await rows(w.db, sql`select * from outbound_call_runs`),
      await rows(w.db, sql`select * from outbound_call_attempts`),
      await rows(w.db, sql`select * from outbound_run_events`),
      await rows(w.db, sql`select * from call_log`),
      await rows(w.db, sql`select id from graphile_worker.jobs`),
    ];
    const before = await everything();
    for (const status of ["queued", "initiated", "ringing", "in-progress", "completed", "busy", "failed", "nonsense"])
      for (const from of ["answer", "callback", "fetch"] as const)
        assert.equal(await applyNews(w.db, newsOf(claim, sid, status, { from })), "ignored");
    assert.deepEqual(await everything(), before);
  });

  it("finds the job by the SID alone once it is known; an unknown token or SID is nobody's", async (t) => {
    const w = await world(t);
    const claim = await begun(w, await w.business());
    const sid = aSid();
    const byToken = (token: string | null, of: string) => applyNews(w.db, newsOf(claim, of, "ringing", { token }));
    assert.equal(await byToken("no-such-token", aSid()), "unknown");
    assert.equal(await byToken(null, sid), "unknown");
    assert.equal(await byToken(claim.token, sid), "applied");
    assert.equal(await applyNews(w.db, newsOf(claim, sid, "completed", { token: null, from: "fetch" })), "applied");
    assert.equal((await w.run(claim.runId)).status, "completed");
    await assertInvariants(w);
  });

  it("the same end told five times at once is counted once", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 50 });
    for (let round = 0; round < 10; round++) {
      const claim = await begun(w, business);
      const sid = aSid();
      const told = await Promise.all(Array.from({ length: 5 }, () => applyNews(w.db, newsOf(claim, sid, "completed"))));
      assert.deepEqual(told.toSorted(), ["applied", "ignored", "ignored", "ignored", "ignored"]);
    }
    await assertInvariants(w);
  });

  it("a callback that overtakes the POST's answer: the answer changes nothing", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 1 });
    const hold = await w.carrier.holdCreates({ at: "after" });
    await w.worker();
    const { runId } = await w.enqueue(business, await w.leads(business, 1));
    await hold.reached(1);
    const run = await w.untilRun(runId, "completed");
    const before = await w.jobs(runId);
    await hold.release();
    await w.carrier.waitForEvent((event) => event.kind === "create.answered");
    const stored = await row<{ n: number }>(w.db, sql`select count(*)::int as n from call_log`);
    assert.equal(stored?.n, 1);
    // The next run's calls come after the answer was dealt with: the same worker, one slot.
    const next = await w.enqueue(business, await w.leads(business, 3));
    await w.untilRun(next.runId, "completed");
    assert.deepEqual(await w.jobs(runId), before);
    assert.deepEqual(await w.run(runId), run);
    await assertInvariants(w);
  });

  it("live calls of a stopped run still move their jobs, slots and counters", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 2 });
    const { runId } = await w.enqueue(business, await w.leads(business, 3));
    const { claims } = await dispatchOnce(w.engine(), business.id);
    const sids = [aSid(), aSid()];
    for (const [n, claim] of claims.entries()) {
      await beginAttempt(w.db, claim);
      await applyNews(w.db, newsOf(claim, sids[n]!, "ringing"));
    }
    const flight = { postStartBudgetMs: 100, postTimeoutMs: 100 };
    assert.deepEqual(await stopRun(w.door(business), runId, { hangUp: false, flight }), {
      stopped: true,
      cancelledJobs: 1,
    });
    assert.equal(await applyNews(w.db, newsOf(claims[0]!, sids[0]!, "completed")), "applied");
    assert.equal(await applyNews(w.db, newsOf(claims[1]!, sids[1]!, "busy")), "applied");
    const run = await w.run(runId);
    assert.deepEqual([run.status, run.completed, run.failed, run.cancelled, run.cursor], ["stopped", 1, 1, 1, 3]);
    await assertInvariants(w);
  });

  it("two calls under one token, told at the same moment: the second is hung up, and the first keeps the job", async (t) => {
    const w = await world(t);
    const claim = await begun(w, await w.business());
    const [first, second] = [aSid(), aSid()];
    const told = await againstLock(
      w,
      (tx) => tx.execute(sql`select 1 from outbound_call_jobs where id = ${claim.jobId} for update`),
      () => applyNews(w.db, newsOf(claim, first, "queued", { from: "answer" })),
      () => applyNews(w.db, newsOf(claim, second, "ringing")),
    );
    assert.deepEqual(
      told.map((one) => valueOf(one)),
      ["applied", "applied"],
    );
    const [job] = await w.jobs(claim.runId);
    assert.equal(job!.sid, first);
    assert.ok((await trailOf(w, claim.jobId)).includes("job.second_call"));
    const hangUps = await rows<{ key: string }>(
      w.db,
      sql`select key from graphile_worker.jobs where key like 'hang_up:%'`,
    );
    assert.deepEqual(hangUps, [{ key: `hang_up:${second}` }]);
    assert.equal(await applyNews(w.db, newsOf(claim, second, "in-progress")), "ignored");
    await applyNews(w.db, newsOf(claim, first, "completed"));
    await assertInvariants(w);
  });

  it("a call whose job has moved on is hung up", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const { runId } = await w.enqueue(business, await w.leads(business, 1));
    const { claims } = await dispatchOnce(w.engine(), business.id);
    const flight = { postStartBudgetMs: 100, postTimeoutMs: 100 };
    await stopRun(w.door(business), runId, { hangUp: false, flight });
    const sid = aSid();
    assert.equal(await applyNews(w.db, newsOf(claims[0]!, sid, "ringing")), "applied");
    assert.equal(await applyNews(w.db, newsOf(claims[0]!, sid, "in-progress")), "ignored");
    const hangUps = await rows<{ key: string }>(
      w.db,
      sql`select key from graphile_worker.jobs where key like 'hang_up:%'`,
    );
    assert.deepEqual(hangUps, [{ key: `hang_up:${sid}` }]);
    assert.equal((await w.jobs(runId))[0]!.status, "cancelled");
    // The CRM's row of it goes forward like any other, and keeps how long it took.
    await applyNews(w.db, newsOf(claims[0]!, sid, "completed"));
    await applyNews(w.db, newsOf(claims[0]!, sid, "ringing"));
    const [logged] = await logOf(w, sid);
    assert.deepEqual([logged?.call_status, logged?.duration], ["completed", 42]);
    await assertInvariants(w);
  });

  it("a call whose job has moved on is hung up also where call_log refuses its row", async (t) => {
    const w = await world(t);
    const business = await w.business();
    await w.db.execute(sql`alter table call_log add constraint crm_rule check (lead_id < 0)`);
    const first = await begun(w, business);
    await givenUp(w, first);
    const { claims } = await dispatchOnce(w.engine(), business.id);
    assert.equal(await beginAttempt(w.db, claims[0]!), "begun");
    const sid = aSid();
    const { log } = w.engine();
    assert.equal(await applyNews(w.db, newsOf(first, sid, "ringing"), undefined, log), "applied");
    const hangUps = await rows(w.db, sql`select key from graphile_worker.jobs where key like 'hang_up:%'`);
    assert.deepEqual(hangUps, [{ key: `hang_up:${sid}` }]);
    assert.ok((await trailOf(w, first.jobId)).includes("job.orphan_hung_up"));
    assert.ok(w.logged.some((line) => line.includes("whose rules refuse it")));
    assert.equal((await w.jobs(first.runId))[0]!.status, "dialing", "its successor goes on");
    await assertInvariants(w);
  });

  it("a call that was adopted under a later attempt is known by its SID, whatever its URLs say", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const first = await begun(w, business);
    await givenUp(w, first);
    const { claims } = await dispatchOnce(w.engine(), business.id);
    assert.equal(await beginAttempt(w.db, claims[0]!), "begun");
    const sid = aSid();
    assert.equal(await applyNews(w.db, newsOf(claims[0]!, sid, "queued", { from: "fetch" })), "applied");
    assert.equal(await applyNews(w.db, newsOf(first, sid, "completed")), "applied");
    const [job] = await w.jobs(first.runId);
    assert.deepEqual([job!.status, job!.sid], ["completed", sid]);
    await assertInvariants(w);
  });

  it("two pieces of news of a call that had been given up, at the same moment, both count", async (t) => {
    const w = await world(t);
    const claim = await begun(w, await w.business());
    await givenUp(w, claim);
    const sid = aSid();
    const told = await againstLock(
      w,
      (tx) => lockBusiness(tx, claim.businessId),
      () => applyNews(w.db, newsOf(claim, sid, "ringing")),
      () => applyNews(w.db, newsOf(claim, sid, "completed")),
    );
    const [ringing, completed] = told.map((one) => valueOf(one));
    assert.equal(completed, "applied");
    // The first adopts the call for both; by the time it comes to its own word the second may have told of the end.
    assert.ok(ringing === "applied" || ringing === "ignored", ringing);
    const [job] = await w.jobs(claim.runId);
    assert.deepEqual([job!.status, job!.sid], ["completed", sid]);
    assert.ok((await trailOf(w, claim.jobId)).includes("job.adopted"));
    await assertInvariants(w);
  });
});
