// What the CRM's own tables, and what stands between us and the carrier, may do to a call.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { row } from "../../db/client.ts";
import { stopRun } from "../../src/runs/stop.ts";
import { until } from "../support/until.ts";
import { assertInvariants, world } from "../support/world.ts";

const QUICK = { lookupGapMs: 100, settleMs: 700, postStartBudgetMs: 200, postTimeoutMs: 300, callNewsMs: 300 };

describe("the CRM's call_log", () => {
  it("may refuse a call's row: the call is known all the same, and its slot is freed", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 1 });
    await w.db.execute(sql`alter table call_log add constraint crm_rule check (lead_id < 0)`);
    await w.worker();
    const { runId } = await w.enqueue(business, await w.leads(business, 3));
    assert.equal((await w.untilRun(runId, "completed")).completed, 3);
    assert.equal((await w.carrier.report()).totalCreates, 3);
    for (const job of await w.jobs(runId)) assert.deepEqual([job.sid !== null, job.callLogId], [true, null]);
    assert.ok(w.logged.some((line) => line.includes("whose rules refuse it")));
  });

  it("may be broken by a trigger of the CRM: the same", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 1 });
    await w.db.execute(sql`create function crm_trigger() returns trigger language plpgsql as
      'begin perform no_such_function(new.id); return new; end'`);
    await w.db.execute(
      sql`create trigger crm before insert or update on call_log for each row execute function crm_trigger()`,
    );
    await w.worker();
    const { runId } = await w.enqueue(business, await w.leads(business, 2));
    assert.equal((await w.untilRun(runId, "completed")).completed, 2);
    assert.equal((await w.carrier.report()).totalCreates, 2);
    for (const job of await w.jobs(runId)) assert.deepEqual([job.sid !== null, job.callLogId], [true, null]);
  });

  it("may have a row of our own call before we know of it: it is adopted, not called again", async (t) => {
    const w = await world(t, {
      limits: QUICK,
      carrier: { scripts: [{ ringAfterMs: 100, answerAfterMs: 5_000, talkMs: 100, outcome: "answered" }] },
    });
    const business = await w.business({ limit: 1 });
    const [lead] = await w.leads(business, 1);
    const [number] = await w.numbersOf([lead!]);
    await w.carrier.setFaults([
      { on: "create", kind: "reset", at: "after", times: 1 },
      { on: "callback", kind: "drop" },
    ]);
    // As a voice handler of the CRM would, within the transaction that the call is made in.
    const accepted = w.carrier.waitForEvent((event) => event.kind === "create.accepted" && event.to === number);
    await w.worker();
    const { runId } = await w.enqueue(business, [lead!]);
    const { sid } = await accepted;
    await w.db.execute(
      sql`insert into call_log (business_id, lead_id, call_sid, direction, status) values (${business.id}, ${lead!}, ${sid!}, 'outbound', 'ringing')`,
    );
    assert.equal((await w.untilRun(runId, (run) => run.completed + run.failed === 1)).completed, 1);
    const report = await w.carrier.report();
    assert.equal(report.totalCreates, 1);
    await assertInvariants(w);
  });
});

describe("a 404 that is not the carrier's word", () => {
  it("says nothing about a live call: its slot is kept", async (t) => {
    const w = await world(t, {
      limits: QUICK,
      carrier: { scripts: [{ ringAfterMs: 50, answerAfterMs: 50, talkMs: 4_000, outcome: "answered" }] },
    });
    const business = await w.business({ limit: 1 });
    await w.carrier.setFaults([{ on: "fetch", kind: "error", status: 404, code: 0, times: 4 }]);
    await w.worker();
    const { runId } = await w.enqueue(business, await w.leads(business, 2));
    await until(
      () => w.logged.some((line) => line.includes("could not fetch a call")),
      "the carrier was asked in vain",
    );
    assert.equal((await w.untilRun(runId, "completed", 40_000)).completed, 2);
    assert.equal((await w.carrier.report()).maxLive, 1);
    const failed = await row<{ n: number }>(
      w.db,
      sql`select count(*)::int as n from outbound_call_jobs where status = 'failed'`,
    );
    assert.equal(failed?.n, 0);
    await assertInvariants(w);
  });
});

describe("a stop", () => {
  it("waits for a POST that was reset: the carrier may still be making the call", async (t) => {
    const w = await world(t, { limits: { ...QUICK, postTimeoutMs: 1_500, settleMs: 4_000 } });
    const business = await w.business({ limit: 1 });
    await w.carrier.setFaults([{ on: "create", kind: "error", status: 502, times: 1 }]);
    await w.worker();
    const { runId } = await w.enqueue(business, await w.leads(business, 2));
    await until(
      () => row(w.db, sql`select 1 from outbound_call_attempts where result = 'ambiguous'`),
      "an ambiguous attempt",
    );
    const since = performance.now();
    await stopRun(w.door(business), runId, { hangUp: false, flight: w.limits });
    const ms = performance.now() - since;
    t.diagnostic(`answered after ${Math.round(ms)} ms`);
    assert.ok(ms < 4_000, `${ms} ms`);
    const begun = await row<{ landed: boolean }>(
      w.db,
      sql`select clock_timestamp() - begun_at > interval '1700 ms' as landed
            from outbound_call_attempts where result = 'ambiguous'`,
    );
    assert.ok(begun?.landed, "both budgets had passed when stop answered");
  });
});
