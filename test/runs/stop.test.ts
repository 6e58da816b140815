// Stop means stop: once it has answered, no further call of the run reaches the carrier, whatever was under way.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { rows, type Tx } from "../../db/client.ts";
import { CodedError } from "../../src/errors.ts";
import * as begin from "../../src/runs/begin.ts";
import { closeRun, forgetActiveNumbers } from "../../src/runs/closeRun.ts";
import { dispatchOnce } from "../../src/runs/dispatch.ts";
import { applyNews } from "../../src/runs/news.ts";
import { reclaimStuckRuns } from "../../src/runs/reclaim.ts";
import { forceCancelRun, stopRun } from "../../src/runs/stop.ts";
import { mutant } from "../support/mutant.ts";
import { sized } from "../support/sizes.ts";
import { until } from "../support/until.ts";
import { againstLock, valueOf } from "../support/world/interleave.ts";
import { assertInvariants, world, type Business, type World } from "../support/world.ts";

/** Answered calls that go on until somebody ends them. */
const ENDLESS = { preset: "instant", scripts: [{ talkMs: 600_000 }] } as const;
/** For tests where no POST is really under way: stop waits no longer than this. */
const SHORT_FLIGHT = { postStartBudgetMs: 100, postTimeoutMs: 100 };

const stop = (w: World, business: Business, runId: number, hangUp = false) =>
  stopRun(w.door(business), runId, { hangUp, flight: w.limits });

const auditKinds = async (w: World, runId: number) =>
  (
    await rows<{ kind: string }>(
      w.db,
      sql`select kind from outbound_run_events where run_id = ${runId} and job_id is null order by id`,
    )
  ).map(({ kind }) => kind);

/** The worker goes on with other runs; so whatever it would still have dialled for the stopped one, it has by then. */
async function oneMoreRun(w: World, business: Business): Promise<void> {
  const { runId } = await w.enqueue(business, await w.leads(business, 5), { concurrency: 10 });
  await w.untilRun(runId, "completed");
}

describe("stop", () => {
  const size = sized(1_000, 10_000);
  it(`in the middle of ${size} leads: not one call after the answer`, async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 10 });
    const leads = await w.leads(business, size);
    await Promise.all([w.worker(), w.worker()]);
    const { runId } = await w.enqueue(business, leads, { concurrency: 10 });
    await w.untilRun(runId, (run) => run.completed > 40);
    const since = performance.now();
    const { stopped, cancelledJobs } = await stop(w, business, runId);
    const took = performance.now() - since;
    await w.carrier.mark("stopped", { tos: await w.numbersOf(leads) });
    assert.equal(stopped, true);
    assert.ok(took < 5_000, `stop took ${Math.round(took)} ms`);

    await oneMoreRun(w, business);
    await w.quiet();
    assert.deepEqual((await w.carrier.report()).afterMark["stopped"], {
      violations: 0,
      arrived: 0,
      accepted: 0,
      dialled: 0,
      tos: [],
    });
    const run = await w.untilRun(runId, ({ inProgress }) => inProgress === 0);
    assert.deepEqual([run.status, run.cancelRequested, run.queued, run.cancelled], ["stopped", true, 0, cancelledJobs]);
    assert.equal(run.completed + run.cancelled, size);
    assert.equal(run.cursor, size);
    assert.ok(run.endedAt);
    assert.equal(run.completedAt, run.endedAt);
    const ends = await rows(
      w.db,
      sql`select status, outcome, error_message, count(*)::int as n from outbound_call_jobs where run_id = ${runId} group by 1, 2, 3 order by 1`,
    );
    assert.deepEqual(ends, [
      { status: "cancelled", outcome: "cancelled", error_message: "Queue stopped by user", n: cancelledJobs },
      { status: "completed", outcome: "completed", error_message: null, n: size - cancelledJobs },
    ]);
    await assertInvariants(w);
  });

  it("waits for a POST that is on its way, and no longer", async (t) => {
    const w = await world(t, { carrier: ENDLESS });
    const business = await w.business({ limit: 2 });
    const leads = await w.leads(business, 10);
    const hold = await w.carrier.holdCreates();
    await w.worker();
    const { runId } = await w.enqueue(business, leads);
    await hold.reached(2);
    let answered = false;
    const stopping = stop(w, business, runId).finally(() => (answered = true));
    await w.untilRun(runId, "stopped");
    await w.carrier.waitFor(() => true);
    assert.equal(answered, false, "two POSTs are still at the carrier's door");
    await hold.release();
    assert.deepEqual(await stopping, { stopped: true, cancelledJobs: 8 });
    await w.carrier.mark("stopped", { tos: await w.numbersOf(leads) });
    assert.equal((await w.carrier.report()).accepted, 2);
    const jobs = await w.jobs(runId);
    assert.deepEqual(jobs.map((job) => job.status).toSorted(), [
      ...Array<string>(2).fill("calling"),
      ...Array<string>(8).fill("cancelled"),
    ]);
    assert.equal((await w.carrier.report()).afterMark["stopped"]!.violations, 0);
    await assertInvariants(w);
  });

  it("answers in bounded time when the carrier never does; such a call keeps its slot", async (t) => {
    const limits = { postTimeoutMs: 600, postStartBudgetMs: 300 };
    const w = await world(t, { limits, carrier: { ...ENDLESS, faults: [{ on: "create", kind: "hang" }] } });
    const business = await w.business({ limit: 1 });
    await w.worker();
    const { runId } = await w.enqueue(business, await w.leads(business, 3));
    await w.carrier.waitForEvent((event) => event.kind === "create.arrived");
    const since = performance.now();
    assert.deepEqual(await stop(w, business, runId), { stopped: true, cancelledJobs: 2 });
    // Both budgets and a margin are 1.4 seconds; the rest is a busy machine's.
    assert.ok(performance.now() - since < 6_000);
    assert.deepEqual(
      (await w.jobs(runId)).map((job) => job.status),
      ["dialing", "cancelled", "cancelled"],
    );
    await assertInvariants(w);
  });

  it("a second stop changes nothing; so do those of an ended run", async (t) => {
    const w = await world(t);
    const business = await w.business();
    await w.worker();
    const { runId } = await w.enqueue(business, await w.leads(business, 3));
    const done = await w.untilRun(runId, "completed");
    assert.deepEqual(await stop(w, business, runId), { stopped: false, cancelledJobs: 0 });
    assert.deepEqual(await w.run(runId), done);

    // Calls that go on, so that the run is not over before it is stopped.
    await w.carrier.setScripts(ENDLESS.scripts);
    const { runId: other } = await w.enqueue(business, await w.leads(business, 3));
    const both = await Promise.all([stop(w, business, other), stop(w, business, other)]);
    assert.equal(both.filter((one) => one.stopped).length, 1);
    const stopped = await w.run(other);
    assert.deepEqual(await stop(w, business, other), { stopped: false, cancelledJobs: 0 });
    assert.equal((await w.run(other)).endedAt, stopped.endedAt);
    assert.deepEqual((await auditKinds(w, other)).filter((kind) => kind === "run.stopped").length, 1);
    await assertInvariants(w);
  });

  it("ends a pending run with no worker anywhere, and frees its numbers", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const leads = await w.leads(business, 5);
    const { runId } = await w.enqueue(business, leads);
    assert.deepEqual(await stop(w, business, runId), { stopped: true, cancelledJobs: 5 });
    const run = await w.run(runId);
    assert.deepEqual([run.status, run.queued, run.cancelled, run.cursor, run.startedAt], ["stopped", 0, 5, 5, null]);
    assert.deepEqual(await auditKinds(w, runId), ["run.created", "run.stopped"]);
    assert.equal((await w.enqueue(business, leads)).queued, 5);
    await assertInvariants(w);
  });

  it("a failed run stays failed, but nobody may resume what was stopped", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const { runId } = await w.aRun({ business, status: "failed", jobs: { completed: 2, queued: 3 } });
    await assertInvariants(w);
    assert.deepEqual(await stop(w, business, runId), { stopped: false, cancelledJobs: 3 });
    const run = await w.run(runId);
    assert.deepEqual(
      [run.status, run.cancelRequested, run.queued, run.cancelled, run.cursor],
      ["failed", true, 0, 3, 5],
    );
    await assertInvariants(w);
  });

  it("with every worker dead: claims not begun are cancelled and leave their slots", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 3 });
    const { runId } = await w.enqueue(business, await w.leads(business, 5));
    await dispatchOnce(w.engine(), business.id);
    assert.deepEqual(await stop(w, business, runId), { stopped: true, cancelledJobs: 5 });
    assert.deepEqual(await rows(w.db, sql`select * from outbound_call_slots`), []);
    await assertInvariants(w);
  });

  it("another business's run does not exist", async (t) => {
    const w = await world(t);
    const [ours, theirs] = [await w.business(), await w.business()];
    const { runId } = await w.enqueue(theirs, await w.leads(theirs, 2));
    for (const id of [runId, 2_000_000_000])
      await assert.rejects(stop(w, ours, id), (e) => e instanceof CodedError && e.code === "run.not_found");
    assert.equal((await w.run(runId)).status, "pending");
  });
});

describe("stop and the begun mark", () => {
  const rowLock = (table: string, column: string, value: number | string) => (tx: Tx) =>
    tx.execute(sql`select 1 from ${sql.raw(table)} where ${sql.raw(column)} = ${value} for update`);
  const stopShortly = (w: World, business: Business, runId: number) => () =>
    stopRun(w.door(business), runId, { hangUp: false, flight: SHORT_FLIGHT });

  async function oneClaim(w: World) {
    const business = await w.business({ limit: 1 });
    const { runId } = await w.enqueue(business, await w.leads(business, 3));
    const { claims } = await dispatchOnce(w.engine(), business.id);
    return { business, runId, claim: claims[0]! };
  }

  it("stop first: the mark is refused, and everything is cancelled", async (t) => {
    const w = await world(t);
    const { business, runId, claim } = await oneClaim(w);
    const [stopped, began] = await againstLock(
      w,
      rowLock("outbound_call_runs", "id", runId),
      stopShortly(w, business, runId),
      () => begin.beginAttempt(w.db, claim),
    );
    assert.deepEqual(valueOf(stopped), { stopped: true, cancelledJobs: 3 });
    assert.equal(valueOf(began), "refused");
    await assertInvariants(w);
  });

  it("the mark first: stop leaves the call alone, and waits for its flight", async (t) => {
    const w = await world(t);
    const { business, runId, claim } = await oneClaim(w);
    const [began, stopped] = await againstLock(
      w,
      rowLock("outbound_call_runs", "id", runId),
      () => begin.beginAttempt(w.db, claim),
      stopShortly(w, business, runId),
    );
    assert.equal(valueOf(began), "begun");
    assert.deepEqual(valueOf(stopped), { stopped: true, cancelledJobs: 2 });
    const passed = await rows<{ ok: boolean }>(
      w.db,
      sql`select clock_timestamp() - begun_at > interval '200 ms' as ok from outbound_call_attempts where token = ${claim.token}`,
    );
    assert.deepEqual(passed, [{ ok: true }], "both budgets had passed when stop answered");
    assert.deepEqual(
      (await w.jobs(runId)).map((job) => job.status),
      ["dialing", "cancelled", "cancelled"],
    );
    await assertInvariants(w);
  });

  /** The mark is being set, not committed yet, when stop arrives. */
  async function stopDuringMark(w: World, { beginAttempt }: Pick<typeof begin, "beginAttempt">) {
    const { business, runId, claim } = await oneClaim(w);
    const [began] = await againstLock(
      w,
      rowLock("outbound_call_attempts", "token", claim.token),
      () => beginAttempt(w.db, claim),
      stopShortly(w, business, runId),
    );
    return { mark: valueOf(began), job: (await w.jobs(runId))[0]!.status };
  }

  it("stop during the mark: it waits, and sees it", async (t) => {
    const w = await world(t);
    assert.deepEqual(await stopDuringMark(w, begin), { mark: "begun", job: "dialing" });
    await assertInvariants(w);
  });

  it("without the lock on the run's row, the same stop cancels a call that is being sent", async (t) => {
    const w = await world(t);
    const broken = mutant(t, { file: "src/runs/begin.ts", find: /\n\s+for share\n/, replace: "\n" });
    const module = await broken<Pick<typeof begin, "beginAttempt">>("src/runs/begin.ts");
    assert.deepEqual(await stopDuringMark(w, module), { mark: "begun", job: "cancelled" });
  });
});

describe("stop and the calls at the carrier", () => {
  it("leaves live calls alone: they finish, and are counted", async (t) => {
    const w = await world(t, { carrier: { preset: "instant", scripts: [{ talkMs: 400 }] } });
    const business = await w.business({ limit: 3 });
    await w.worker();
    const { runId } = await w.enqueue(business, await w.leads(business, 9));
    await w.carrier.waitFor((report) => report.liveNow === 3 && report.callbacks.pending === 0);
    await stop(w, business, runId);
    const run = await w.untilRun(runId, ({ inProgress }) => inProgress === 0);
    assert.deepEqual([run.status, run.completed + run.cancelled, run.failed], ["stopped", 9, 0]);
    const { endedByStatus, requests } = await w.carrier.report();
    assert.deepEqual([endedByStatus.completed, endedByStatus.canceled, requests.update], [run.completed, 0, 0]);
    await assertInvariants(w);
  });

  it("hangs up on request, whether they ring or talk", async (t) => {
    const w = await world(t, { carrier: ENDLESS });
    const business = await w.business({ limit: 4 });
    const leads = await w.leads(business, 8);
    const [ringing] = await w.numbersOf(leads);
    await w.carrier.setScripts([{ to: ringing!, answerAfterMs: 20_000 }, { talkMs: 600_000 }]);
    await w.worker();
    const { runId } = await w.enqueue(business, leads, { concurrency: 10 });
    await w.untilRun(runId, ({ inProgress }) => inProgress === 4);
    await w.carrier.waitFor((r) => r.twiml.fetched === 3 && r.callbacks.pending === 0);
    await stop(w, business, runId, true);
    const run = await w.untilRun(runId, ({ inProgress }) => inProgress === 0);
    assert.deepEqual([run.completed, run.failed, run.cancelled], [3, 1, 4]);
    await w.carrier.waitFor((report) => report.liveNow === 0);
    await assertInvariants(w);
  });

  it("hangs up also the call whose POST was on its way when stop came", async (t) => {
    const w = await world(t, { carrier: ENDLESS });
    const business = await w.business({ limit: 1 });
    const hold = await w.carrier.holdCreates();
    await w.worker();
    const { runId } = await w.enqueue(business, await w.leads(business, 3));
    await hold.reached(1);
    const stopping = stop(w, business, runId, true);
    await w.untilRun(runId, "stopped");
    // The worker has looked for calls to end, and there were none yet.
    await untilNoTask(w, "end_calls");
    await hold.release();
    await stopping;
    await w.carrier.waitFor((report) => report.accepted === 1 && report.liveNow === 0);
    await w.untilRun(runId, ({ inProgress }) => inProgress === 0);
    await assertInvariants(w);
  });

  it("hangs up also the call whose first news waited for the stop, which found no call to end", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 1 });
    const { runId } = await w.enqueue(business, await w.leads(business, 1));
    const [claim] = (await dispatchOnce(w.engine(), business.id)).claims;
    assert.equal(await begin.beginAttempt(w.db, claim!), "begun");
    const stopping = async (tx: Tx) => {
      await tx.execute(sql`update outbound_call_runs set cancel_requested = true, hang_up = true where id = ${runId}`);
      await closeRun(tx, business.id, runId, "stopped");
      await forgetActiveNumbers(tx, business.id, runId);
    };
    const news = {
      token: claim!.token,
      sid: "CA1",
      status: "ringing",
      durationSeconds: null,
      from: "callback" as const,
    };
    const [told] = await againstLock(w, stopping, () => applyNews(w.db, news));
    assert.equal(valueOf(told), "applied");
    const tasks = await rows<{ key: string; payload: object }>(
      w.db,
      sql`select j.key, p.payload from graphile_worker.jobs j join graphile_worker._private_jobs p using (id)
           where task_identifier = 'end_calls'`,
    );
    assert.deepEqual(tasks, [{ key: `end:${runId}`, payload: { runId, hangUp: true } }]);
    await assertInvariants(w);
  });

  it("ends also the call of a failed run that becomes known only after somebody has stopped it", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 1 });
    const { runId } = await w.enqueue(business, await w.leads(business, 2));
    const [claim] = (await dispatchOnce(w.engine(), business.id)).claims;
    assert.equal(await begin.beginAttempt(w.db, claim!), "begun");
    await w.db.execute(sql`update outbound_call_runs set lock_ts = lock_ts - interval '1 hour' where id = ${runId}`);
    assert.equal(await reclaimStuckRuns(w.engine()), 1);
    // Who makes the call known holds its job: stop waits for him, or he for stop.
    const heldJob = (tx: Tx) =>
      tx.execute(sql`select 1 from outbound_call_jobs where id = ${claim!.jobId} for no key update`);
    const [stopped] = await againstLock(w, heldJob, () =>
      stopRun(w.door(business), runId, { hangUp: false, flight: SHORT_FLIGHT }),
    );
    assert.deepEqual(valueOf(stopped), { stopped: false, cancelledJobs: 1 });
    const endings = async () =>
      (
        await rows<{ key: string }>(w.db, sql`select key from graphile_worker.jobs where task_identifier = 'end_calls'`)
      ).map(({ key }) => key);
    // Stop's own look found no call yet.
    assert.deepEqual(await endings(), [`end:${runId}`]);
    await w.db.execute(sql`delete from graphile_worker._private_jobs`);
    const news = { token: claim!.token, sid: "CA1", status: "queued", durationSeconds: null, from: "fetch" as const };
    assert.equal(await applyNews(w.db, news), "applied");
    assert.deepEqual(await endings(), [`end:${runId}`]);
    assert.equal((await w.run(runId)).status, "failed");
    await assertInvariants(w);
  });

  it("cancels calls that the carrier still has in its queue, and nobody's phone rings", async (t) => {
    const w = await world(t, { carrier: { ...ENDLESS, cps: 0.05 } });
    const business = await w.business({ limit: 4 });
    const leads = await w.leads(business, 6);
    await w.worker();
    const { runId } = await w.enqueue(business, leads, { concurrency: 10 });
    // The first one's turn came at once, the others wait 20 seconds each.
    await w.carrier.waitFor((r) => r.accepted === 4 && r.twiml.fetched === 1 && r.callbacks.pending === 0);
    await w.untilRun(runId, (run) => run.inProgress === 4);
    await stop(w, business, runId);
    await w.carrier.mark("stopped", { tos: await w.numbersOf(leads) });
    const run = await w.untilRun(runId, ({ inProgress }) => inProgress === 1);
    assert.deepEqual([run.failed, run.cancelled], [3, 2]);
    const report = await w.carrier.report();
    assert.deepEqual([report.endedByStatus.canceled, report.liveNow], [3, 1]);
    assert.equal(report.afterMark["stopped"]!.dialled, 0);
    assert.deepEqual((await w.jobs(runId)).map((job) => job.outcome ?? job.status).toSorted(), [
      "calling",
      "canceled",
      "canceled",
      "canceled",
      "cancelled",
      "cancelled",
    ]);
    await assertInvariants(w);
  });

  it("cancels there also the call whose POST was on its way when stop came", async (t) => {
    const w = await world(t, { carrier: { ...ENDLESS, cps: 0.05 } });
    const business = await w.business({ limit: 2 });
    const leads = await w.leads(business, 3);
    const hold = await w.carrier.holdCreates({ at: "after" });
    await w.worker();
    const { runId } = await w.enqueue(business, leads, { concurrency: 10 });
    await hold.reached(2);
    const stopping = stop(w, business, runId);
    await w.untilRun(runId, "stopped");
    await untilNoTask(w, "end_calls");
    await hold.release();
    await stopping;
    await w.carrier.waitFor((report) => report.endedByStatus.canceled === 1);
    await w.untilRun(runId, ({ inProgress }) => inProgress === 1);
    await assertInvariants(w);
  });

  async function untilNoTask(w: World, task: string): Promise<void> {
    await until(async () => {
      const left = await rows(w.db, sql`select 1 from graphile_worker.jobs where task_identifier = ${task}`);
      return left.length === 0;
    }, `no ${task} left`);
  }
});

describe("force-cancel", () => {
  it("with every worker dead: what is queued or not begun ends cancelled, what has begun keeps its slot", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 3 });
    const { runId } = await w.enqueue(business, await w.leads(business, 6));
    const { claims } = await dispatchOnce(w.engine(), business.id);
    await begin.beginAttempt(w.db, claims[1]!);
    const result = await forceCancelRun(w.door(business), runId, { flight: SHORT_FLIGHT });
    assert.deepEqual(result, { cancelled: true, cancelledJobs: 5 });
    const run = await w.run(runId);
    assert.deepEqual(
      [run.status, run.cancelRequested, run.cancelled, run.inProgress, run.queued],
      ["cancelled", true, 5, 1, 0],
    );
    const jobs = await w.jobs(runId);
    assert.deepEqual(
      jobs.map((job) => job.status),
      ["cancelled", "dialing", ...Array<string>(4).fill("cancelled")],
    );
    assert.ok(
      jobs.filter((job) => job.status === "cancelled").every((job) => job.errorMessage === "Cancelled by user"),
    );
    assert.ok((await auditKinds(w, runId)).includes("run.cancelled"));
    await assertInvariants(w);
  });

  it("cancels a pending run, once", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const { runId } = await w.enqueue(business, await w.leads(business, 4));
    const force = () => forceCancelRun(w.door(business), runId, { flight: SHORT_FLIGHT });
    assert.deepEqual(await force(), { cancelled: true, cancelledJobs: 4 });
    assert.deepEqual(await force(), { cancelled: false, cancelledJobs: 0 });
    await assertInvariants(w);
  });
});
