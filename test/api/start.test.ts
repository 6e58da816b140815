// Starting a few leads while the caller waits.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { eq } from "drizzle-orm";
import { jobs } from "../../db/schema.ts";
import { enqueueRun } from "../../src/runs/enqueue.ts";
import { anApi, as } from "./harness.ts";
import { aBusiness, aLead } from "./rows.ts";
import { freshDatabase } from "./support.ts";

const db = await freshDatabase({ after });

/** A worker that places the run's calls as soon as it is enqueued. */
const placing = (placed: (leadId: number) => Partial<typeof jobs.$inferInsert>): typeof enqueueRun => {
  return async (door, input) => {
    const run = await enqueueRun(door, input);
    for (const job of await db.select().from(jobs).where(eq(jobs.runId, run.runId)))
      await db.update(jobs).set(placed(job.leadId)).where(eq(jobs.id, job.id));
    return run;
  };
};
const sid = (leadId: number) => ({ callSid: `CA${leadId}`, twilioCallSid: `CA${leadId}` });
const calling = (leadId: number) => ({
  ...sid(leadId),
  status: "calling",
  dialLockToken: "t",
  dialStartedAt: new Date(),
});

describe("start", () => {
  it("answers with each lead's call, in the order of the leads", async () => {
    const shop = await aBusiness(db);
    const dana = await aLead(db, shop.id, { name: "Dana", phoneE164: "+972501111111" });
    const noa = await aLead(db, shop.id, { name: "Noa", phoneE164: "12" });
    const rut = await aLead(db, shop.id, { name: "Rut", phoneE164: "+972502222222" });
    const rejected = {
      status: "failed",
      outcome: "rejected",
      errorMessage: "21211",
      completedAt: new Date(),
      activeNumber: null,
    };
    const { app } = anApi(db, {
      queue: { enqueueRun: placing((lead) => (lead === dana.id ? calling(lead) : rejected)) },
    });
    const me = await as(app, { business: shop.id });
    const { status, json } = await me.post("/api/outbound_calls/start", {
      lead_ids: [noa.id, dana.id, rut.id, dana.id],
    });
    const { run_id, ...rest } = json;
    assert.equal(typeof run_id, "number");
    assert.deepEqual(
      [status, rest],
      [
        200,
        {
          success: true,
          message: "1 call is on its way.",
          calls: [
            {
              lead_id: noa.id,
              lead_name: "Noa",
              call_sid: null,
              status: "failed",
              error: "The phone number is not valid.",
            },
            { lead_id: dana.id, lead_name: "Dana", call_sid: `CA${dana.id}`, status: "initiated" },
            { lead_id: rut.id, lead_name: "Rut", call_sid: null, status: "failed", error: "21211" },
          ],
        },
      ],
    );
  });

  it("says queued when a call has not been placed in time", async (t) => {
    const shop = await aBusiness(db);
    const { id } = await aLead(db, shop.id);
    const { app } = anApi(db, { queue: { enqueueRun } });
    const me = await as(app, { business: shop.id });
    // Ten seconds pass between two looks.
    let now = 0;
    t.mock.method(performance, "now", () => (now += 6_000));
    const { status, json } = await me.post("/api/outbound_calls/start", { lead_ids: [id] });
    assert.equal(status, 200);
    assert.deepEqual(json.calls, [{ lead_id: id, lead_name: "Dana", call_sid: null, status: "queued" }]);
  });

  it("makes a queue of more than three", async () => {
    const shop = await aBusiness(db);
    const ids = [];
    for (const n of [1, 2, 3, 4]) ids.push((await aLead(db, shop.id, { phoneE164: `+97250111111${n}` })).id);
    const { app } = anApi(db, { queue: { enqueueRun } });
    const hebrew = await as(app, { business: shop.id, language: "he" });
    const { status, json } = await hebrew.post("/api/outbound_calls/start", { lead_ids: ids, project_id: 3 });
    const { run_id, ...rest } = json;
    assert.deepEqual(
      [status, rest],
      [201, { success: true, message: "4 שיחות נכנסו לתור.", queued: 4, mode: "bulk_queue" }],
    );
    const made = await db.select().from(jobs).where(eq(jobs.runId, run_id));
    assert.deepEqual(
      made.map((job) => job.projectId),
      [3, 3, 3, 3],
    );
  });

  it("starts nothing with a foreign lead, and says who is left when there is nobody", async () => {
    const [mine, other] = [await aBusiness(db), await aBusiness(db)];
    const { app, security } = anApi(db, { queue: { enqueueRun } });
    const me = await as(app, { business: mine.id });
    const foreign = await aLead(db, other.id);
    const answers = [];
    for (const id of [foreign.id, 2_000_000_000])
      answers.push(await me.post("/api/outbound_calls/start", { lead_ids: [id] }));
    assert.deepEqual([answers[0]?.status, answers[0]?.text], [404, answers[1]?.text]);
    assert.equal(security().length, 2);
    const nameless = await aLead(db, mine.id, { phoneE164: null });
    const nobody = await me.post("/api/outbound_calls/start", { lead_ids: [nameless.id] });
    assert.deepEqual(
      [nobody.status, nobody.json.code, nobody.json.skipped],
      [409, "run.nothing_to_call", [{ lead_id: nameless.id, reason: "missing_phone" }]],
    );
  });
});
