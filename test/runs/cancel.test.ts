// Cancel, the cooperative way: running calls finish, nothing new starts, the run ends `cancelled` with its last call.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { rows } from "../../db/client.ts";
import { inTransaction } from "../../db/transaction.ts";
import { CodedError } from "../../src/errors.ts";
import { beginAttempt } from "../../src/runs/begin.ts";
import { requestCancel } from "../../src/runs/cancel.ts";
import { dispatchOnce } from "../../src/runs/dispatch.ts";
import { wakeWaiting } from "../../src/runs/wakeWaiting.ts";
import { assertInvariants, world, type World } from "../support/world.ts";

/** Two runs of a business with two slots, so many leads each; the second is asked to cancel. */
async function keptAndDropped(w: World, leads: number) {
  const business = await w.business({ limit: 2 });
  const kept = await w.enqueue(business, await w.leads(business, leads));
  const dropped = await w.enqueue(business, await w.leads(business, leads));
  await requestCancel(w.door(business), dropped.runId);
  return { business, kept, dropped };
}

describe("cancel", () => {
  it("lets running calls finish, starts nothing new, and ends cancelled", async (t) => {
    // They end when we say so, and not while a busy machine is still cancelling.
    const w = await world(t, { carrier: { preset: "instant", scripts: [{ talkMs: 600_000 }] } });
    const business = await w.business({ limit: 3 });
    const leads = await w.leads(business, 30);
    await w.worker();
    const { runId } = await w.enqueue(business, leads);
    await w.carrier.waitFor((r) => r.liveNow === 3 && r.callbacks.pending === 0);
    assert.equal(await requestCancel(w.door(business), runId), "requested");
    const asked = await w.untilRun(runId, (run) => run.queued === 0);
    assert.deepEqual([asked.status, asked.cancelRequested, asked.endedAt], ["running", true, null]);
    await w.carrier.mark("cancelled", { tos: await w.numbersOf(leads) });
    const talking = await w.carrier.calls({ status: "in-progress" });
    assert.equal(talking.length, 3);
    assert.equal((await w.carrier.report()).requests.update, 0, "nobody was hung up on");
    for (const { sid } of talking) await w.engine().dialler.end(sid, "completed");
    const run = await w.untilRun(runId, "cancelled");
    assert.deepEqual([run.completed + run.cancelled, run.failed, run.cursor], [30, 0, 30]);
    const report = await w.carrier.report();
    assert.equal(report.afterMark["cancelled"]!.violations, 0);
    assert.deepEqual([report.endedByStatus.completed, report.requests.update], [run.completed, talking.length]);
    const words = await rows(
      w.db,
      sql`select distinct error_message from outbound_call_jobs where run_id = ${runId} and status = 'cancelled'`,
    );
    assert.deepEqual(words, [{ error_message: "Cancelled by user" }]);
    await assertInvariants(w);
  });

  it("a pending run ends cancelled as soon as a worker looks", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const { runId } = await w.enqueue(business, await w.leads(business, 5));
    assert.equal(await requestCancel(w.door(business), runId), "requested");
    assert.equal(await requestCancel(w.door(business), runId), "already_requested");
    await w.worker();
    const run = await w.untilRun(runId, "cancelled");
    assert.deepEqual([run.cancelled, run.cursor, run.queued], [5, 5, 0]);
    assert.equal(await requestCancel(w.door(business), runId), "already_ended");
    assert.equal((await w.carrier.report()).totalCreates, 0);
    await assertInvariants(w);
  });

  it("also in a disabled business, and in one whose slots are all taken", async (t) => {
    const w = await world(t, { carrier: { preset: "instant", scripts: [{ talkMs: 600_000 }] } });
    const business = await w.business({ limit: 1 });
    const busy = await w.enqueue(business, await w.leads(business, 2));
    const waiting = await w.enqueue(business, await w.leads(business, 2));
    await w.worker();
    await w.untilRun(busy.runId, (run) => run.inProgress === 1);
    await w.db.execute(sql`update business set is_active = false where id = ${business.id}`);
    await requestCancel(w.door(business), waiting.runId);
    await w.untilRun(waiting.runId, "cancelled");
    await assertInvariants(w);
  });

  it("is carried out by the maintenance tick when its wake-up got lost, even where nothing may be dialled", async (t) => {
    const w = await world(t);
    const [disabled, full] = [await w.business(), await w.business({ limit: 1 })];
    await w.db.execute(sql`update business set calls_enabled = false where id = ${disabled.id}`);
    await w.aRun({ business: full, jobs: { calling: 1 }, lockedAgo: 0 });
    const runs = [
      await w.aRun({ business: disabled, cancelRequested: true, jobs: { queued: 3 }, lockedAgo: 0 }),
      await w.aRun({ business: full, cancelRequested: true, jobs: { queued: 3 }, lockedAgo: 0 }),
    ];
    assert.equal(await wakeWaiting(w.engine()), 2, "the tick wakes both businesses");
    await w.worker();
    for (const { runId } of runs) assert.equal((await w.untilRun(runId, "cancelled")).cancelled, 3);
    await assertInvariants(w);
  });

  it("takes back a claim that has not begun, refuses its mark, and leaves a begun one alone", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 2 });
    const { runId } = await w.enqueue(business, await w.leads(business, 4));
    const { claims } = await dispatchOnce(w.engine(), business.id);
    assert.equal(await beginAttempt(w.db, claims[0]!), "begun");
    await requestCancel(w.door(business), runId);
    assert.equal(await beginAttempt(w.db, claims[1]!), "refused", "the flag is enough");
    await dispatchOnce(w.engine(), business.id);
    assert.deepEqual(
      (await w.jobs(runId)).map((job) => job.status),
      ["dialing", "cancelled", "cancelled", "cancelled"],
    );
    assert.equal((await w.run(runId)).status, "running");
    await assertInvariants(w);
  });

  it("leaves the business's other runs alone", async (t) => {
    const w = await world(t);
    const { kept, dropped } = await keptAndDropped(w, 20);
    await w.worker();
    await w.untilRun(dropped.runId, "cancelled");
    assert.equal((await w.untilRun(kept.runId, "completed")).completed, 20);
    await assertInvariants(w);
  });

  it("keeps no call of another run waiting, however long its jobs take to end", async (t) => {
    const w = await world(t);
    const { business, kept, dropped } = await keptAndDropped(w, 2);
    let dispatching: ReturnType<typeof dispatchOnce> | undefined;
    await inTransaction(w.db, async (tx) => {
      await tx.execute(sql`select 1 from outbound_call_jobs where run_id = ${dropped.runId} for update`);
      dispatching = dispatchOnce(w.engine(), business.id);
      await w.untilBlocked(1);
      // As a begun mark and a call's end do.
      await w.db.execute(sql`select 1 from outbound_call_runs where id = ${kept.runId} for no key update nowait`);
    });
    const { claims } = await dispatching!;
    assert.deepEqual(
      claims.map((claim) => claim.runId),
      [kept.runId, kept.runId],
    );
    assert.equal((await w.run(dropped.runId)).status, "cancelled");
    await assertInvariants(w);
  });

  it("another business's run does not exist", async (t) => {
    const w = await world(t);
    const [ours, theirs] = [await w.business(), await w.business()];
    const { runId } = await w.enqueue(theirs, await w.leads(theirs, 2));
    for (const id of [runId, 2_000_000_000])
      await assert.rejects(
        requestCancel(w.door(ours), id),
        (e) => e instanceof CodedError && e.code === "run.not_found",
      );
    assert.equal((await w.run(runId)).cancelRequested, false);
  });
});
