// Calling the rest of a stopped run: exactly those who were not called, once, whoever presses how often.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { row, rows } from "../../db/client.ts";
import { inTransaction } from "../../db/transaction.ts";
import { CodedError } from "../../src/errors.ts";
import { beginAttempt } from "../../src/runs/begin.ts";
import { callCancelled } from "../../src/runs/callCancelled.ts";
import type { Claim } from "../../src/runs/claim.ts";
import { dispatchOnce } from "../../src/runs/dispatch.ts";
import type { Enqueued } from "../../src/runs/enqueue.ts";
import { applyNews } from "../../src/runs/news.ts";
import { reap } from "../../src/runs/reap.ts";
import { requeueJob } from "../../src/runs/requeue.ts";
import { resumeRun } from "../../src/runs/resume.ts";
import { stopRun } from "../../src/runs/stop.ts";
import { assertInvariants, world, type Business, type World } from "../support/world.ts";

const FLIGHT = { postStartBudgetMs: 1_000, postTimeoutMs: 5_000 };

const stop = (w: World, business: Business, runId: number) =>
  stopRun(w.door(business), runId, { hangUp: false, flight: FLIGHT });

/** What is refused: its code, and the reasons of those who were skipped. */
async function refused(work: Promise<unknown>): Promise<[code: string, reasons: string[]]> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof CodedError, String(error));
    return [error.code, reasonsOf((error.detail["skipped"] ?? []) as Enqueued["skipped"])];
  }
  throw new Error("it did not fail");
}

const reasonsOf = (skipped: Enqueued["skipped"]) => skipped.map(({ reason }) => reason);

const leadsOf = async (w: World, runId: number) => (await w.jobs(runId)).map((job) => job.leadId);

/** The jobs of these leads, as if their calls had been placed and had ended. */
const endCalls = (w: World, runId: number, leads: number[]) =>
  w.db.execute(sql`
    update outbound_call_jobs
       set status = 'completed', outcome = 'completed', call_sid = 'CA' || id, twilio_call_sid = 'CA' || id,
           started_at = clock_timestamp(), completed_at = clock_timestamp(), active_number = null
     where run_id = ${runId} and lead_id = any (${sql.param(leads)}::int[])`);

describe("calling those whom a stopped run did not get to", () => {
  it("makes a run of them, in their order, as the first one was", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const list = await row<{ id: number }>(
      w.db,
      sql`insert into outbound_lead_lists (tenant_id, name) values (${business.id}, 'list') returning id`,
    );
    const leads = (await w.leads(business, 5)).toReversed();
    const how = { concurrency: 7, projectId: 5, outboundListId: list!.id, message: { he: "שלום" } };
    const { runId } = await w.enqueue(business, leads, how);
    await endCalls(w, runId, leads.slice(0, 2));
    await stop(w, business, runId);

    const rest = await callCancelled(w.door(business), runId);
    assert.deepEqual([rest.queued, rest.skipped], [3, []]);
    assert.deepEqual(await leadsOf(w, rest.runId), leads.slice(2));
    const runs = await rows(
      w.db,
      sql`select r.concurrency, r.outbound_list_id, r.message, j.project_id
            from outbound_call_runs r join outbound_call_jobs j on j.run_id = r.id group by 1, 2, 3, 4, r.id order by r.id`,
    );
    assert.equal(runs.length, 2);
    assert.deepEqual(runs[0], runs[1]);
    const trail = await rows(
      w.db,
      sql`select run_id as of, detail->'run_id' as run from outbound_run_events where kind = 'run.rest_called'`,
    );
    assert.deepEqual(trail, [{ of: runId, run: rest.runId }]);
  });

  it("calls everybody once, with a worker, two people pressing at once, and again later", async (t) => {
    // Calls that take a while: somebody is left, however quick the machine is.
    const w = await world(t, { limits: { maxCallsPerBusiness: 4 }, carrier: { preset: "fast" } });
    const business = await w.business();
    const leads = await w.leads(business, 30);
    await w.worker();
    const { runId } = await w.enqueue(business, leads, { concurrency: 4 });
    await w.untilRun(runId, (run) => run.completed + run.failed >= 5);
    await stop(w, business, runId);
    const { cancelled } = await w.run(runId);
    assert.ok(cancelled > 0, "nobody was left");

    const press = () => callCancelled(w.door(business), runId);
    const pressed = await Promise.allSettled([press(), press(), press()]);
    const won = pressed.flatMap((p) => (p.status === "fulfilled" ? [p.value] : []));
    assert.deepEqual(
      won.map((rest) => rest.queued),
      [cancelled],
    );
    for (const p of pressed)
      if (p.status === "rejected") assert.equal((p.reason as CodedError).code, "run.nothing_to_call");
    await w.untilRun(won[0]!.runId, "completed");
    await w.untilRun(runId, (run) => run.cursor === run.total);
    // Somebody whose page still shows the button.
    const [code, reasons] = await refused(press());
    assert.deepEqual(
      [code, new Set(reasons), reasons.length],
      ["run.nothing_to_call", new Set(["already_called"]), cancelled],
    );
    assert.equal((await w.carrier.report()).accepted, 30);
    await assertInvariants(w);
  });

  it("leaves out whose number is bad now, who is gone, who waits elsewhere, and who was called since", async (t) => {
    const w = await world(t);
    const [business, other] = [await w.business(), await w.business()];
    const leads = await w.leads(business, 6);
    const [bad, gone, elsewhere, called, orphan, left] = leads as [number, number, number, number, number, number];
    // Called long ago: that was known when the run was started.
    const { runId: before } = await w.enqueue(business, [left]);
    await endCalls(w, before, [left]);
    const { runId } = await w.enqueue(business, leads);
    await stop(w, business, runId);
    await w.db.execute(sql`update leads set phone_e164 = '12' where id = ${bad}`);
    await w.db.execute(sql`update leads set tenant_id = ${other.id} where id = ${gone}`);
    const { runId: next } = await w.enqueue(business, [elsewhere, called]);
    await endCalls(w, next, [called]);
    // A call that turned up after its job had been cancelled.
    await w.db.execute(sql`
      insert into outbound_call_attempts (token, job_id, run_id, business_id, worker_id, from_number, to_number, call_sid)
      select 'orphan', id, run_id, business_id, gen_random_uuid(), '+1', '+2', 'CAorphan'
        from outbound_call_jobs where run_id = ${runId} and lead_id = ${orphan}`);

    const rest = await callCancelled(w.door(business), runId);
    assert.deepEqual(await leadsOf(w, rest.runId), [left]);
    assert.deepEqual(Object.fromEntries(rest.skipped.map(({ leadId, reason }) => [leadId, reason])), {
      [bad]: "invalid_phone",
      [gone]: "missing_lead",
      [elsewhere]: "already_queued",
      [called]: "already_called",
      [orphan]: "already_called",
    });
  });

  it("is for stopped and cancelled runs, and for failed ones whose queue was stopped", async (t) => {
    const w = await world(t);
    const [business, other] = [await w.business(), await w.business()];
    const press = (runId: number, who = business) => refused(callCancelled(w.door(who), runId));
    for (const status of ["pending", "running", "completed", "failed"] as const) {
      const { runId } = await w.aRun({ business, status, jobs: { cancelled: 1, completed: 1 } });
      assert.deepEqual(await press(runId), ["run.not_cancelled", []], status);
    }
    const failed = await w.aRun({ business, status: "failed", jobs: { queued: 2 } });
    await stop(w, business, failed.runId);
    assert.equal((await callCancelled(w.door(business), failed.runId)).queued, 2);
    const { runId } = await w.aRun({ business, status: "cancelled", jobs: { cancelled: 1 } });
    assert.deepEqual(await press(runId, other), ["run.not_found", []]);
    await w.db.execute(sql`update business set calls_enabled = false where id = ${business.id}`);
    assert.deepEqual(await press(runId), ["business.calls_disabled", []]);
    const none = await w.aRun({ business: other, status: "stopped", jobs: { completed: 1 } });
    assert.deepEqual(await press(none.runId, other), ["run.nothing_to_call", []]);
    const old = await w.aRun({ business: other, status: "stopped", jobs: { cancelled: 1 } });
    await w.db.execute(sql`update outbound_call_runs set engine = 'legacy' where id = ${old.runId}`);
    assert.deepEqual(await press(old.runId, other), ["run.legacy", []]);
  });
});

describe("calling only those who were not called", () => {
  it("leaves out everybody with a call, of any run", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const leads = await w.leads(business, 3);
    const { runId } = await w.enqueue(business, leads);
    await endCalls(w, runId, leads.slice(0, 1));
    await stop(w, business, runId);
    const { runId: next, skipped } = await w.enqueue(business, leads, { onlyUncalled: true });
    assert.deepEqual(skipped, [{ leadId: leads[0], reason: "already_called" }]);
    assert.deepEqual(await leadsOf(w, next), leads.slice(1));
    await stop(w, business, next);
    assert.equal((await w.enqueue(business, leads)).queued, 3, "all again, when nobody asks for less");
  });

  for (const live of [false, true])
    it(`leaves out whoever ${live ? "is on the phone" : "was called later"} in a run from before`, async (t) => {
      const w = await world(t);
      const business = await w.business();
      const leads = await w.leads(business, 1);
      const before = await w.enqueue(business, leads);
      const claimed = async () => {
        const { claims } = await dispatchOnce(w.engine(), business.id);
        assert.equal(await beginAttempt(w.db, claims[0]!), "begun");
        return claims[0]!;
      };
      const news = ({ token }: Claim, sid: string, status: string) =>
        applyNews(w.db, { token, sid, status, durationSeconds: 1, from: "callback" as const });
      const first = await claimed();
      if (live) await news(first, "CA1", "in-progress");
      else await inTransaction(w.db, (tx) => requeueJob(tx, first, "throttled", "test"));
      await w.db.execute(
        sql`update outbound_call_runs set lock_ts = lock_ts - interval '1 day' where id = ${before.runId}`,
      );
      assert.equal((await reap(w.engine(), null)).reclaimed_runs, 1);
      const { runId } = await w.enqueue(business, leads);
      await stop(w, business, runId);
      if (!live) {
        await resumeRun(w.door(business), before.runId);
        const second = await claimed();
        await news(second, "CA2", "ringing");
        await news(second, "CA2", "completed");
      }
      assert.deepEqual(await refused(callCancelled(w.door(business), runId)), [
        "run.nothing_to_call",
        ["already_called"],
      ]);
    });
});
