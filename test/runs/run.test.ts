// A run from its first lead to its last, with everything in one process.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertInvariants, world } from "../support/world.ts";

describe("a run", () => {
  it("calls every lead once, three at a time, and completes", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 3 });
    const leads = await w.leads(business, 60);
    const hold = await w.carrier.holdCreates();
    await w.worker();
    const { runId, queued, skipped } = await w.enqueue(business, leads, { concurrency: 10 });
    assert.deepEqual([queued, skipped], [60, []]);

    await hold.reached(3);
    await hold.release();
    const run = await w.untilRun(runId, "completed");
    assert.deepEqual([run.total, run.completed, run.cursor, run.queued], [60, 60, 60, 0]);
    assert.ok(run.startedAt && run.endedAt);
    assert.deepEqual(run.completedAt, run.endedAt);
    const report = await w.carrier.report();
    assert.equal(report.accepted, 60);
    assert.equal(report.maxLivePerFrom[business.from], 3);
    await assertInvariants(w);
  });
});
