// TTL reclaim and `make reap`: what was lost is failed with the reason, a person resumes it, and nobody is called twice.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { sql } from "drizzle-orm";
import { row, rows } from "../../db/client.ts";
import { inTransaction } from "../../db/transaction.ts";
import { beginAttempt } from "../../src/runs/begin.ts";
import { dispatchOnce } from "../../src/runs/dispatch.ts";
import { reap } from "../../src/runs/reap.ts";
import { requeueJob } from "../../src/runs/requeue.ts";
import { resumeRun } from "../../src/runs/resume.ts";
import { stopRun } from "../../src/runs/stop.ts";
import { outputOf } from "../support/output.ts";
import { assertInvariants, minutes, seconds, world, type World } from "../support/world.ts";

const reaper = (w: World, limits = w.limits) => ({ ...w.engine(), limits });
const cleanUps = (w: World) =>
  w.logged.filter((line) => line.includes("[CLEANUP]")).map((line) => JSON.parse(line) as object);

/** Sets what the clock would have: when the run was last heard of. */
const age = (w: World, runId: number, change: ReturnType<typeof sql>) =>
  w.db.execute(sql`update outbound_call_runs set ${change} where id = ${runId}`);

describe("reap", () => {
  it("fails a run past its TTL, once, and says so once", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const { runId } = await w.aRun({
      business,
      jobs: { completed: 2, queued: 3 },
      lockedAgo: minutes(6),
      lockedBy: "old:42",
    });
    const young = await w.aRun({ business, lockedAgo: minutes(4) });
    const both = await Promise.all([reap(reaper(w), null), reap(reaper(w), null)]);
    assert.equal(both[0].reclaimed_runs + both[1].reclaimed_runs, 1);
    const run = await w.run(runId);
    assert.equal(run.status, "failed");
    assert.ok(run.endedAt && run.completedAt === run.endedAt);
    const lockTs = await row<{ at: string }>(
      w.db,
      sql`select lock_ts::text as at from outbound_call_runs where id = ${runId}`,
    );
    assert.equal(run.lastError, `Worker timeout - no heartbeat from old:42 since ${lockTs!.at}`);
    assert.deepEqual([run.queued, run.completed, run.cursor], [3, 2, 2]);
    assert.equal((await w.run(young.runId)).status, "running");
    const [line, ...more] = cleanUps(w);
    assert.partialDeepStrictEqual(line, { level: 40, msg: "[CLEANUP] Reclaimed 1 stuck runs (TTL=5min)" });
    assert.deepEqual(more, []);
    assert.equal((await reap(reaper(w), null)).reclaimed_runs, 0);
    await assertInvariants(w);
  });

  it("prints a NULL as nothing", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const { runId: nameless } = await w.aRun({ business, lockedAgo: minutes(6) });
    await age(w, nameless, sql`locked_by_worker = null`);
    const { runId: unlocked } = await w.aRun({ business, updatedAgo: minutes(31) });
    const { runId: patient } = await w.aRun({ business, updatedAgo: minutes(29) });
    assert.equal((await reap(reaper(w), null)).reclaimed_runs, 2);
    assert.match((await w.run(nameless)).lastError!, /^Worker timeout - no heartbeat from {2}since \d{4}-\d\d-\d\d /);
    assert.equal((await w.run(unlocked)).lastError, "Worker timeout - no heartbeat from  since ");
    assert.equal((await w.run(patient)).status, "running");
  });

  it("is harmless while workers live", async (t) => {
    const w = await world(t, { carrier: { preset: "fast" } });
    const business = await w.business();
    await w.worker();
    const { runId } = await w.enqueue(business, await w.leads(business, 20));
    while ((await w.run(runId)).status !== "completed") await reap(reaper(w), null);
    assert.equal((await w.run(runId)).completed, 20);
    await w.quiet();
    await assertInvariants(w);
  });

  it("ends what was asked to cancel, and runs with nothing left", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const asked = await w.aRun({ business, status: "pending", jobs: { queued: 4 }, cancelRequested: true });
    const done = await reap(reaper(w), null);
    assert.equal(done.cancelled_jobs, 4);
    assert.partialDeepStrictEqual(await w.run(asked.runId), {
      status: "cancelled",
      cancelled: 4,
      queued: 0,
      cursor: 4,
    });
    await assertInvariants(w);
  });

  it("a resumed run goes on from its cursor and calls nobody again", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const leads = await w.leads(business, 6);
    const numbers = await w.numbersOf(leads);
    await w.carrier.setScripts([{ to: numbers[3]!, outcome: "answered", talkMs: 60_000 }]);
    const first = await w.worker();
    const { runId } = await w.enqueue(business, leads, { concurrency: 1 });
    await w.untilRun(runId, (run) => run.completed === 3);
    await w.carrier.waitForEvent((e) => e.kind === "call.answered" && e.to === numbers[3]);
    await first.stop(seconds(2));
    await age(w, runId, sql`lock_ts = lock_ts - interval '6 minutes'`);
    assert.equal((await reap(reaper(w), null)).reclaimed_runs, 1);
    assert.deepEqual(await w.carrier.calls({ to: numbers[4]! }), []);
    await resumeRun(w.door(business), runId);
    await w.worker();
    const [live] = await w.carrier.calls({ to: numbers[3]! });
    const dialler = w.engine().dialler;
    await dialler.end(live!.sid, "completed");
    const run = await w.untilRun(runId, "completed");
    assert.deepEqual([run.completed, run.cursor, run.endedAt !== null], [6, 6, true]);
    await w.quiet();
    await assertInvariants(w);
  });

  it("a resumed run leaves out whom another run has called meanwhile, but not whom it called before", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const { runId } = await w.aRun({ business, jobs: { queued: 3 }, lockedAgo: minutes(6) });
    assert.equal((await reap(reaper(w), null)).reclaimed_runs, 1);
    const leads = (await w.jobs(runId)).map((job) => job.leadId);
    await w.worker();
    const called = async (lead: number) => {
      const { runId } = await w.enqueue(business, [lead]);
      await w.untilRun(runId, "completed");
      await w.quiet();
    };
    await called(leads[0]!);
    await age(w, runId, sql`created_at = clock_timestamp()`);
    await called(leads[1]!);
    assert.deepEqual(await resumeRun(w.door(business), runId), { status: "running", queued: 2, skipped: 1 });
    await w.untilRun(runId, "completed");
    assert.deepEqual(
      (await w.jobs(runId)).map(({ status, errorCode }) => [status, errorCode]),
      [
        ["completed", null],
        ["cancelled", "already_called"],
        ["completed", null],
      ],
    );
    await w.quiet();
    // Called before, and wanted again by whoever made this run.
    await assertInvariants(w, { calledTwice: await w.numbersOf([leads[0]!]) });
  });

  it("AFTER_TTL=resume goes on by itself", async (t) => {
    const w = await world(t, { limits: { afterTtl: "resume" } });
    const business = await w.business();
    const { runId } = await w.aRun({ business, jobs: { queued: 3 }, lockedAgo: minutes(6) });
    assert.equal((await reap(reaper(w), null)).reclaimed_runs, 1);
    assert.equal((await w.run(runId)).status, "running");
    const kinds = await rows<{ kind: string }>(
      w.db,
      sql`select kind from outbound_run_events where run_id = ${runId} order by id`,
    );
    assert.deepEqual(
      kinds.map((e) => e.kind),
      ["run.reclaimed", "run.resumed"],
    );
    await w.worker();
    assert.equal((await w.untilRun(runId, "completed")).completed, 3);
    await w.quiet();
    await assertInvariants(w);
  });

  it("a worker that starts reclaims before it serves", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const { runId } = await w.aRun({ business, lockedAgo: minutes(6) });
    await w.worker();
    assert.equal((await w.run(runId)).status, "failed");
    assert.equal((await w.carrier.report()).totalCreates, 0);
  });

  it("a live call of a resumed run is not dialled again when another run took its number", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const leads = await w.leads(business, 1);
    const [number] = await w.numbersOf(leads);
    const { runId } = await w.enqueue(business, leads);
    const { claims } = await dispatchOnce(w.engine(), business.id);
    await age(w, runId, sql`lock_ts = lock_ts - interval '6 minutes'`);
    await reap(reaper(w), null);
    const other = await w.enqueue(business, await w.leadsWith(business, [number!]));
    await resumeRun(w.door(business), runId);
    await inTransaction(w.db, (tx) => requeueJob(tx, claims[0]!, "not_found", "test"));
    assert.partialDeepStrictEqual((await w.jobs(runId))[0], { status: "cancelled", errorCode: "already_queued" });
    assert.equal((await w.run(runId)).status, "completed");
    await w.worker();
    await w.untilRun(other.runId, "completed");
    await w.quiet();
    await assertInvariants(w);
  });

  it("a live call of a failed run that a person stopped is not dialled again", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const { runId } = await w.enqueue(business, await w.leads(business, 1));
    const { claims } = await dispatchOnce(w.engine(), business.id);
    await beginAttempt(w.db, claims[0]!);
    await age(w, runId, sql`lock_ts = lock_ts - interval '6 minutes'`);
    await reap(reaper(w), null);
    await stopRun(w.door(business), runId, { hangUp: false, flight: { postStartBudgetMs: 10, postTimeoutMs: 10 } });
    await inTransaction(w.db, (tx) => requeueJob(tx, claims[0]!, "not_found", "test"));
    assert.equal((await w.jobs(runId))[0]!.status, "cancelled");
    await assertInvariants(w);
  });

  it("as a command prints one JSON line, and ends well with nobody alive", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const { runId } = await w.aRun({ business, lockedAgo: minutes(6) });
    const env = { PATH: process.env["PATH"] ?? "", DATABASE_URL: w.url, LOG_LEVEL: "error" };
    const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
    const stdout = await outputOf([main, "reap"], env);
    assert.match(stdout, /^\{"reclaimed_runs":1,.*\}\n$/);
    assert.equal((await w.run(runId)).status, "failed");
  });
});
