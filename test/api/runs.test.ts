import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { CodedError } from "../../src/errors.ts";
import { anApi, as } from "./harness.ts";
import { aBusiness, aJob, anEvent, aRun } from "./rows.ts";
import { freshDatabase } from "./support.ts";

const at = (text: string) => new Date(`${text}Z`);

const db = await freshDatabase({ after });

describe("runs", () => {
  let shop: { id: number };
  const empty = async () => {
    shop = await aBusiness(db);
    const api = anApi(db);
    return { ...api, me: await as(api.app, { business: shop.id }) };
  };

  it("shows a run, field by field", async () => {
    const waiting = { reason: "slot" as const, limit: 3, runs: [{ run_id: 1, calls: 3 }] };
    await empty();
    const { app } = anApi(db, { queue: { waitingFor: () => Promise.resolve(waiting) } });
    const run = await aRun(db, shop.id, {
      status: "running",
      totalLeads: 8,
      queuedCount: 3,
      inProgressCount: 2,
      completedCount: 1,
      failedCount: 1,
      cancelledCount: 1,
      cursorPosition: 3,
      concurrency: 5,
      createdAt: at("2026-01-02T03:04:05"),
      startedAt: at("2026-01-02T03:04:06"),
    });
    const expected = {
      run_id: run.id,
      status: "running",
      queued: 3,
      in_progress: 2,
      completed: 1,
      failed: 1,
      cancelled: 1,
      cursor_position: 3,
      last_error: null,
      total_leads: 8,
      concurrency: 5,
      created_at: "2026-01-02T03:04:05.000Z",
      started_at: "2026-01-02T03:04:06.000Z",
      ended_at: null,
      created_by_user_id: null,
      can_cancel: true,
      cancel_requested: false,
    };
    const english = await (await as(app, { business: shop.id })).get(`/api/outbound/runs/${run.id}`);
    assert.equal(english.status, 200);
    assert.deepEqual(english.json, {
      ...expected,
      waiting_for: { ...waiting, message: "All 3 lines are busy; the next call starts when one ends." },
    });
    const hebrew = await (await as(app, { business: shop.id, language: "he-IL" })).get(`/api/outbound/runs/${run.id}`);
    assert.equal(hebrew.json.waiting_for.message, "כל 3 הקווים תפוסים; השיחה הבאה תצא כשאחד מהם יתפנה.");

    const me = await as(app, { business: shop.id });
    assert.deepEqual((await me.get("/api/outbound/runs")).json, { items: [expected], next_cursor: null });
    const { run_id, status, queued, in_progress, completed, failed, total_leads, concurrency, created_at } = expected;
    assert.deepEqual((await me.get("/api/outbound/bulk/active")).json, {
      active: true,
      run: { run_id, status, queued, in_progress, completed, failed, total_leads, concurrency, created_at },
    });
    const progress = {
      job_id: run.id,
      status: "running",
      total: 8,
      processed: 3,
      success: 1,
      failed: 1,
      in_progress: 2,
      queued: 3,
      progress_pct: 37.5,
      can_cancel: true,
      cancel_requested: false,
      created_at: "2026-01-02T03:04:05.000Z",
      completed_at: null,
    };
    assert.deepEqual((await me.get(`/api/outbound_calls/jobs/${run.id}/status`)).json, progress);
    assert.deepEqual((await me.get("/api/outbound_calls/jobs/active")).json, progress);
  });

  it("has nothing to wait for and nothing to cancel once it has ended", async () => {
    const { me, asked } = await empty();
    const time = at("2026-01-02T03:04:05");
    const ended = { status: "completed", queuedCount: 0, completedCount: 1, cursorPosition: 1, startedAt: time };
    const run = await aRun(db, shop.id, { ...ended, endedAt: time, completedAt: time });
    const { json } = await me.get(`/api/outbound/runs/${run.id}`);
    assert.equal(json.waiting_for, null);
    assert.equal(json.can_cancel, false);
    assert.deepEqual(asked, []);
    assert.deepEqual((await me.get("/api/outbound/bulk/active")).json, { active: false });
    assert.equal((await me.get("/api/outbound_calls/jobs/active")).json.code, "run.none_active");
    const { json: progress } = await me.get(`/api/outbound_calls/jobs/${run.id}/status`);
    assert.equal(progress.progress_pct, 100);
    assert.equal(progress.completed_at, "2026-01-02T03:04:05.000Z");
  });

  it("cannot be cancelled twice", async () => {
    const { me } = await empty();
    const run = await aRun(db, shop.id, { cancelRequested: true });
    const { json } = await me.get(`/api/outbound/runs/${run.id}`);
    assert.deepEqual([json.can_cancel, json.cancel_requested], [false, true]);
  });

  it("rounds progress to one decimal", async () => {
    const { me } = await empty();
    const run = await aRun(db, shop.id, { totalLeads: 3, queuedCount: 1, failedCount: 2, cursorPosition: 2 });
    assert.equal((await me.get(`/api/outbound_calls/jobs/${run.id}/status`)).json.progress_pct, 66.7);
  });

  it("pages through runs, newest first, each once", async () => {
    const { me } = await empty();
    const ids: number[] = [];
    for (let n = 0; n < 5; n++) ids.unshift((await aRun(db, shop.id)).id);
    const seen: number[] = [];
    let next = "/api/outbound/runs?limit=2";
    for (let page = 0; page < 3; page++) {
      const { json } = await me.get(next);
      seen.push(...json.items.map((run: { run_id: number }) => run.run_id));
      if (page === 0) await aRun(db, shop.id); // arrives meanwhile, and shifts nothing
      next = `/api/outbound/runs?limit=2&cursor=${json.next_cursor}`;
      if (page === 2) assert.equal(json.next_cursor, null);
    }
    assert.deepEqual(seen, ids);
  });

  it("shows jobs in calling order, by status, in pages", async () => {
    const { me } = await empty();
    const run = await aRun(db, shop.id, { totalLeads: 3, queuedCount: 2, failedCount: 1, cursorPosition: 1 });
    const done = at("2026-01-02T03:04:05");
    const failed = await aJob(db, run, {
      status: "failed",
      outcome: "busy",
      errorMessage: "busy",
      completedAt: done,
      callSid: "CA1",
      twilioCallSid: "CA1",
    });
    const queued = [await aJob(db, run), await aJob(db, run)];
    const path = `/api/outbound/runs/${run.id}/jobs`;
    const { json: all } = await me.get(path);
    assert.deepEqual(all.items[0], {
      job_id: failed.id,
      lead_id: failed.leadId,
      lead_name: "Dana",
      to_number: "+972501234567",
      status: "failed",
      call_status: null,
      outcome: "busy",
      error_message: "busy",
      error_code: null,
      call_sid: "CA1",
      attempts: 0,
      created_at: failed.createdAt?.toISOString(),
      started_at: null,
      completed_at: "2026-01-02T03:04:05.000Z",
    });
    assert.equal(all.items.length, 3);
    const { json: one } = await me.get(`${path}?status=queued&limit=1`);
    assert.deepEqual([one.items[0].job_id, one.items.length], [queued[0]?.id, 1]);
    const { json: two } = await me.get(`${path}?status=queued&limit=1&cursor=${one.next_cursor}`);
    assert.deepEqual([two.items[0].job_id, two.next_cursor], [queued[1]?.id, null]);
  });

  it("shows who did what when", async () => {
    const { me } = await empty();
    const run = await aRun(db, shop.id);
    const [at, later] = [new Date(Date.now() - 20_000), new Date(Date.now() - 10_000)];
    const [a, b] = [await anEvent(db, run, "enqueued", at), await anEvent(db, run, "stopped", later)];
    const { json } = await me.get(`/api/outbound/runs/${run.id}/audit?limit=1`);
    const first = { id: a.id, at: a.at.toISOString(), kind: "enqueued", actor: "user:7", job_id: null, detail: {} };
    assert.deepEqual(json.items, [first]);
    const rest = await me.get(`/api/outbound/runs/${run.id}/audit?cursor=${json.next_cursor}`);
    assert.equal(rest.json.items[0].id, b.id);
  });

  it("never gives a cursor that passes over an event which is not committed yet", async () => {
    const { me } = await empty();
    const run = await aRun(db, shop.id);
    const kinds = async (query: string) => {
      const { json } = await me.get(`/api/outbound/runs/${run.id}/audit?${query}`);
      return [json.items.map((event: { kind: string }) => event.kind), json.next_cursor];
    };
    await anEvent(db, run, "old", new Date(Date.now() - 60_000));
    const late = await db.$client.connect();
    await late.query("begin");
    await late.query(
      `insert into outbound_run_events (run_id, business_id, kind, actor) values ($1, $2, 'late', 'x')`,
      [run.id, run.businessId],
    );
    for (const kind of ["new", "newer", "newest"]) await anEvent(db, run, kind);
    const [first, cursor] = await kinds("limit=2");
    assert.deepEqual(first, ["old"]);
    assert.deepEqual(await kinds(`limit=2&cursor=${cursor}`), [["new", "newer"], null], "ask from here again");
    await late.query("commit");
    late.release();
    assert.deepEqual(await kinds(`limit=9&cursor=${cursor}`), [["late", "new", "newer", "newest"], null]);
  });

  it("starts, and says who was left out", async () => {
    await empty();
    const skipped = [{ leadId: 5, reason: "invalid_phone" as const }];
    const { app } = anApi(db, { queue: { enqueueRun: () => Promise.resolve({ runId: 9, queued: 2, skipped }) } });
    const { status, json } = await (
      await as(app, { business: shop.id })
    ).post("/api/outbound/bulk-enqueue", { lead_ids: [5] });
    assert.equal(status, 201);
    assert.deepEqual(json, { run_id: 9, queued: 2, skipped: [{ lead_id: 5, reason: "invalid_phone" }] });
  });

  it("hands the wish to the queue core with its defaults, and each lead once", async () => {
    const { me, asked } = await empty();
    await me.post("/api/outbound/bulk-enqueue", { lead_ids: [5, 4, 5], project_id: 2, unknown: 1 });
    const [name, door, input] = asked[0] as [string, { businessId: number; actor: string; userId: number }, unknown];
    assert.deepEqual([name, door.businessId, door.actor, door.userId], ["enqueueRun", shop.id, "user:7", 7]);
    assert.deepEqual(input, { leadIds: [5, 4], concurrency: 3, outboundListId: null, projectId: 2, message: null });
  });

  it("takes 200,000 leads, and not one more", async () => {
    const { me, asked } = await empty();
    const lead_ids = Array.from({ length: 200_000 }, (_, n) => 2_000_000_000 + n);
    assert.equal((await me.post("/api/outbound/bulk-enqueue", { lead_ids })).status, 201);
    assert.equal((asked[0]![2] as { leadIds: number[] }).leadIds.length, 200_000);
    assert.equal((await me.post("/api/outbound/bulk-enqueue", { lead_ids: [...lead_ids, 1] })).status, 400);
  });

  it("passes on the queue core's refusals", async () => {
    await empty();
    const rows: [string, Record<string, unknown>, number, Record<string, unknown>][] = [
      ["lead.not_found", { leadId: 5 }, 404, {}],
      ["list.not_found", {}, 404, {}],
      ["business.calls_disabled", {}, 409, {}],
      [
        "run.nothing_to_call",
        { skipped: [{ leadId: 5, reason: "already_queued" }] },
        409,
        { skipped: [{ lead_id: 5, reason: "already_queued" }] },
      ],
    ];
    for (const [code, detail, status, more] of rows) {
      const { app, security } = anApi(db, {
        queue: { enqueueRun: () => Promise.reject(new CodedError(code, "no", detail)) },
      });
      const answer = await (await as(app, { business: shop.id })).post("/api/outbound/bulk-enqueue", { lead_ids: [5] });
      assert.equal(answer.status, status);
      assert.equal(security().length, status === 404 ? 1 : 0);
      assert.match(answer.headers.get("content-type") ?? "", /^application\/problem\+json/);
      const { type, title, detail: said, error, ...rest } = answer.json;
      assert.deepEqual(rest, { status, code, ...more });
      for (const text of [type, title, said, error]) assert.equal(typeof text, "string");
    }
  });

  it("stops", async () => {
    const { me, asked } = await empty();
    const run = await aRun(db, shop.id);
    const answer = await me.post("/api/outbound/stop-queue", { run_id: run.id });
    assert.deepEqual(answer.json, {
      success: true,
      message: "Stopped. 2 waiting calls were cancelled.",
      cancelled_jobs: 2,
    });
    const told = (call: unknown[] | undefined) => (call?.[3] as { hangUp: boolean } | undefined)?.hangUp;
    assert.deepEqual([asked[0]?.[2], told(asked[0])], [run.id, false]);
    await me.post("/api/outbound/stop-queue", { run_id: run.id, hang_up: true });
    assert.equal(told(asked[1]), true);

    const late = anApi(db, { queue: { stopRun: () => Promise.resolve({ stopped: false, cancelledJobs: 0 }) } });
    const again = await (
      await as(late.app, { business: shop.id })
    ).post("/api/outbound/stop-queue", { run_id: run.id });
    assert.deepEqual([again.status, again.json], [200, { success: true, message: "The call run has already ended." }]);
  });

  it("cancels, and says so in the caller's language", async () => {
    const { me, app } = await empty();
    const run = await aRun(db, shop.id);
    const path = `/api/outbound_calls/jobs/${run.id}/cancel`;
    assert.deepEqual((await me.post(path)).json, {
      success: true,
      message: "Cancelling: no further calls will be made.",
    });
    const hebrew = await (await as(app, { business: shop.id, language: "he" })).post(path);
    assert.equal(hebrew.json.message, "מבטל: לא יבוצעו שיחות נוספות.");

    const ended = anApi(db, { queue: { requestCancel: () => Promise.resolve("already_ended") } });
    const late = await (await as(ended.app, { business: shop.id })).post(path);
    assert.equal(late.status, 400);
    const { success, message, code, error, status } = late.json;
    assert.deepEqual([success, message, code, status], [false, error, "run.already_ended", 400]);
    const twice = anApi(db, { queue: { requestCancel: () => Promise.resolve("already_requested") } });
    assert.equal((await (await as(twice.app, { business: shop.id })).post(path)).json.success, true);
  });

  it("cancels by force", async () => {
    const { me } = await empty();
    const run = await aRun(db, shop.id);
    const { json } = await me.post(`/api/outbound_calls/jobs/${run.id}/force-cancel`);
    assert.deepEqual(json, { success: true, message: "Cancelled. 1 waiting call was cancelled.", cancelled_jobs: 1 });
  });

  it("counts the live calls against the limit", async () => {
    const { me } = await empty();
    assert.deepEqual((await me.get("/api/outbound_calls/counts")).json, {
      active_total: 0,
      active_outbound: 0,
      max_total: 3,
      max_outbound: 3,
    });
    const run = await aRun(db, shop.id);
    const job = await aJob(db, run);
    await db.execute(
      `insert into outbound_call_slots (business_id, slot_no, job_id, run_id, token, expires_at)
       values (${shop.id}, 1, ${job.id}, ${run.id}, 't', now())`,
    );
    await me.put("/api/outbound/settings", { max_calls: 7 });
    const { json } = await me.get("/api/outbound_calls/counts");
    assert.deepEqual([json.active_total, json.active_outbound, json.max_total, json.max_outbound], [1, 1, 7, 7]);
  });
});
