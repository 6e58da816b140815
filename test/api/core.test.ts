// The API on the real queue core and the real reader of lead files: what one business does from import to stop.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { LeadsReader } from "../../src/api/deps.ts";
import { readLeads } from "../../src/leads/import.ts";
import { requestCancel } from "../../src/runs/cancel.ts";
import { enqueueRun } from "../../src/runs/enqueue.ts";
import { applyNews } from "../../src/runs/news.ts";
import { forceCancelRun, stopRun } from "../../src/runs/stop.ts";
import { anApi, as } from "./harness.ts";
import { aBusiness, aLead, aList } from "./rows.ts";
import { freshDatabase } from "./support.ts";

const db = await freshDatabase({ after });
const reader: LeadsReader = readLeads;
const { app, security, lines } = anApi(db, {
  queue: { enqueueRun, stopRun, forceCancelRun, requestCancel, applyNews },
  deps: { readLeads: reader },
});
const CSV = "שם,טלפון\nדנה,050-123-4567\nנועה,972502222222\nרות,לא ידוע\n";

describe("from import to stop", () => {
  it("imports, starts, watches, stops, and starts again", async () => {
    const me = await as(app, { business: (await aBusiness(db)).id, sub: "7" });
    const form = new FormData();
    form.append("file", new File([CSV], "לידים.csv"));
    const { json: imported } = await me.post("/api/outbound/import-leads", form);
    assert.deepEqual([imported.imported_count, imported.skipped_count], [2, 1], JSON.stringify(imported));
    const { json: leads } = await me.get(`/api/outbound/import-leads?list_id=${imported.list_id}`);
    const lead_ids = leads.items.map((lead: { id: number }) => lead.id);
    const started = await me.post("/api/outbound/bulk-enqueue", { lead_ids, outbound_list_id: imported.list_id });
    assert.deepEqual([started.status, started.json.queued, started.json.skipped], [201, 2, []]);
    const id = started.json.run_id as number;

    const twice = await me.post("/api/outbound/bulk-enqueue", { lead_ids });
    assert.deepEqual([twice.status, twice.json.code], [409, "run.nothing_to_call"]);
    const reasons = twice.json.skipped.map((s: { reason: string }) => s.reason);
    assert.deepEqual(reasons, ["already_queued", "already_queued"]);

    assert.equal((await me.get("/api/outbound/bulk/active")).json.run.run_id, id);
    const { json: stopped } = await me.post("/api/outbound/stop-queue", { run_id: id });
    assert.deepEqual([stopped.success, stopped.cancelled_jobs], [true, 2]);
    const { json: run } = await me.get(`/api/outbound/runs/${id}`);
    const { status, queued, cancelled, cursor_position, can_cancel } = run;
    assert.deepEqual(
      { status, queued, cancelled, cursor_position, can_cancel },
      {
        status: "stopped",
        queued: 0,
        cancelled: 2,
        cursor_position: 2,
        can_cancel: false,
      },
    );
    const again = await me.post("/api/outbound/stop-queue", { run_id: id });
    assert.deepEqual([again.status, "cancelled_jobs" in again.json], [200, false]);
    assert.equal((await me.post(`/api/outbound_calls/jobs/${id}/cancel`)).json.code, "run.already_ended");
    const { json: trail } = await me.get(`/api/outbound/runs/${id}/audit`);
    const kinds = trail.items.map((event: { kind: string; actor: string }) => `${event.kind} ${event.actor}`);
    assert.deepEqual(kinds, ["run.created user:7", "run.stopped user:7"]);

    const { json: second } = await me.post("/api/outbound/bulk-enqueue", { lead_ids });
    assert.equal((await me.post(`/api/outbound_calls/jobs/${second.run_id}/cancel`)).json.success, true);
    const { json: forced } = await me.post(`/api/outbound_calls/jobs/${second.run_id}/force-cancel`);
    assert.deepEqual([forced.success, forced.cancelled_jobs], [true, 2]);
  });

  it("starts nothing with another business's leads or list, and answers as for missing ones", async () => {
    const [mine, other] = [await aBusiness(db), await aBusiness(db)];
    const me = await as(app, { business: mine.id });
    const [own, foreign, list] = [await aLead(db, mine.id), await aLead(db, other.id), await aList(db, other.id)];
    const start = (body: unknown) => me.post("/api/outbound/bulk-enqueue", body);
    const before = security().length;
    const pairs = [
      [{ lead_ids: [own.id, foreign.id] }, { lead_ids: [own.id, 2_000_000_000] }],
      [
        { lead_ids: [own.id], outbound_list_id: list.id },
        { lead_ids: [own.id], outbound_list_id: 2_000_000_000 },
      ],
    ];
    for (const [theirs, missing] of pairs) {
      const [a, b] = [await start(theirs), await start(missing)];
      assert.equal(a.status, 404);
      assert.equal(a.text, b.text);
    }
    assert.equal(security().length, before + 4);
    assert.deepEqual((await me.get("/api/outbound/runs")).json.items, []);
  });

  it("survives whatever is called a lead", async () => {
    const me = await as(app, { business: (await aBusiness(db)).id });
    const rows: unknown[] = [
      [null],
      [1, "2", [3]],
      [{ phone: "0501234567", name: "a\0b\ud800" }],
      [{ phone: { a: 1 } }],
      [[1, 2], ["0501234567"]],
      [{ phone: "0501234567", name: "x".repeat(100_000), notes: "y\0" }],
      [{ phone: "0501234567", first_name: "x".repeat(300), city: "z".repeat(300) }],
    ];
    for (const row of rows) {
      const { status, text } = await me.post("/api/outbound/import-leads", { rows: row });
      assert.ok(status < 500, text);
    }
    for (const bytes of ["", "\0", "שם,טלפון\n\0,050\0-1234567", "\uFEFF", "PK\u0003\u0004broken", "%PDF-1.4"]) {
      const form = new FormData();
      form.append("file", new File([bytes], "a.csv"));
      const { status, text } = await me.post("/api/outbound/import-leads", form);
      assert.ok(status < 500, text);
    }
    assert.deepEqual(
      lines.filter((line) => line.level === "error"),
      [],
    );
  });
});
