// Recent calls, a run's results as a file, and deleting leads.
import assert from "node:assert/strict";
import { sql } from "drizzle-orm";
import { after, describe, it } from "node:test";
import { parse } from "csv-parse/sync";
import { callLog } from "../../db/schema.ts";
import { anApi, as } from "./harness.ts";
import { aBusiness, aJob, aLead, aRun } from "./rows.ts";
import { freshDatabase } from "./support.ts";
import { LONG } from "../support/quick.ts";

const db = await freshDatabase({ after });
const { app } = anApi(db);
const at = (text: string) => new Date(`${text}Z`);

async function aCall(businessId: number, values: Partial<typeof callLog.$inferInsert> = {}) {
  const [call] = await db
    .insert(callLog)
    .values({ businessId, direction: "outbound", toNumber: "+972501234567", callStatus: "completed", ...values })
    .returning();
  return call!;
}

describe("recent calls", () => {
  it("show each call with its lead, newest first, field by field", async () => {
    const shop = await aBusiness(db);
    const me = await as(app, { business: shop.id });
    const lead = await aLead(db, shop.id, { name: null, firstName: "דנה", lastName: "לוי", status: "hot" });
    const run = await aRun(db, shop.id);
    const told = {
      leadId: lead.id,
      callSid: "CA1",
      status: "initiated",
      duration: 12,
      recordingUrl: "https://recordings.example.test/1",
      recordingSid: "RE1",
      transcription: "raw",
      finalTranscript: "final",
      summary: "sum",
    };
    const call = await aCall(shop.id, { ...told, createdAt: at("2026-01-02T03:04:05") });
    await aCall(shop.id, {
      callSid: "CA2",
      callStatus: "busy",
      customerName: "Noa",
      createdAt: at("2026-01-02T03:04:06"),
    });
    await aCall(shop.id, { callSid: "CA3", direction: "inbound" });
    const other = await aBusiness(db);
    await aCall(other.id, { callSid: "CA4" });
    const ended = { status: "completed", completedAt: at("2026-01-02T03:05:00"), callSid: "CA1", twilioCallSid: "CA1" };
    await aJob(db, run, { ...ended, leadId: lead.id, callLogId: call.id });

    const { json } = await me.get("/api/outbound/recent-calls");
    assert.deepEqual([json.total, json.page, json.page_size], [2, 1, 50]);
    assert.deepEqual(json.items[1], {
      call_sid: "CA1",
      to_number: "+972501234567",
      lead_id: lead.id,
      lead_name: "דנה לוי",
      lead_status: "hot",
      status: "completed",
      started_at: "2026-01-02T03:04:05.000Z",
      ended_at: "2026-01-02T03:05:00.000Z",
      duration: 12,
      recording_url: "https://recordings.example.test/1",
      recording_sid: "RE1",
      transcript: "final",
      summary: "sum",
    });
    const found = async (query: string) => {
      const { json } = await me.get(`/api/outbound/recent-calls?${query}`);
      return [json.total, ...json.items.map((item: { call_sid: string }) => item.call_sid)];
    };
    assert.deepEqual(await found("status=busy"), [1, "CA2"]);
    assert.deepEqual(await found(`search=${encodeURIComponent("לוי")}`), [1, "CA1"]);
    assert.deepEqual(await found("search=Noa"), [1, "CA2"]);
    assert.deepEqual(await found("search=%25"), [0]);
    assert.deepEqual(await found("search=050-123-4567"), await found("search=972501234567"));
    assert.equal((await found("search=050-123-4567"))[0], 2);
    assert.deepEqual(await found("status=&search="), [2, "CA2", "CA1"]);
    assert.deepEqual(await found(`run_id=${run.id}`), [1, "CA1"]);
    assert.deepEqual(await found("page=2&page_size=1"), [2, "CA1"]);
    assert.equal((await me.get("/api/outbound/recent-calls?page_size=101")).status, 400);
    const foreign = await aRun(db, other.id);
    const answer = await me.get(`/api/outbound/recent-calls?run_id=${foreign.id}`);
    assert.deepEqual([answer.status, answer.json.code], [404, "run.not_found"]);
  });
});

describe("results.csv", () => {
  it("opens in a spreadsheet: Hebrew, numbers as they are, no formulas", async () => {
    const shop = await aBusiness(db);
    const run = await aRun(db, shop.id);
    const names = [
      "דנה, לוי",
      "=1+1",
      "+cmd",
      "-2",
      "@SUM(A1)",
      "\t=1",
      'a "b"\nc',
      "plain - text",
      null,
      "a; -b;c",
      "x;\t＝1",
      'a\t\t "\t-b; c;d\t',
    ];
    for (const leadName of names) await aJob(db, run, { leadName });
    const call = await aCall(shop.id, { callSid: "CA9", duration: 7 });
    const failed = { status: "failed", outcome: "busy", errorMessage: "=busy", completedAt: at("2026-01-02T03:04:05") };
    await aJob(db, run, { ...failed, leadName: "Rut", callLogId: call.id, callSid: "CA9", twilioCallSid: "CA9" });
    const me = await as(app, { business: shop.id });
    const response = await me.get(`/api/outbound/runs/${run.id}/results.csv`);
    assert.equal(response.headers.get("content-type"), "text/csv; charset=utf-8");
    assert.equal(response.headers.get("content-disposition"), `attachment; filename="run-${run.id}-results.csv"`);
    assert.ok(response.text.includes("\r\n"));
    const rows = parse(response.text, { bom: true, columns: true, relax_column_count: false }) as Record<
      string,
      string
    >[];
    assert.deepEqual(
      rows.map((row) => row["Name"]),
      [
        "דנה, לוי",
        "'=1+1",
        "'+cmd",
        "'-2",
        "'@SUM(A1)",
        "'\t'=1",
        'a "b"\nc',
        "plain - text",
        "",
        "a; '-b;c",
        "x;\t'＝1",
        "a\t\t \"\t'-b; c;d\t",
        "Rut",
      ],
    );
    assert.ok(rows.every((row) => row["Phone"] === "+972501234567"));
    const { Status, Outcome, Error, Ended, "Call SID": sid, "Duration (seconds)": seconds } = rows.at(-1)!;
    assert.deepEqual(
      [Status, Outcome, Error, Ended, sid, seconds],
      ["failed", "busy", "'=busy", "2026-01-02T03:04:05.000Z", "CA9", "7"],
    );
    const hebrew = await as(app, { business: shop.id, language: "he" });
    const bytes = await hebrew.get(`/api/outbound/runs/${run.id}/results.csv`);
    assert.ok(bytes.text.includes("מזהה ליד,שם,טלפון"));
  });

  it("reads an error of any length once", { timeout: 20_000 }, async () => {
    const shop = await aBusiness(db);
    const run = await aRun(db, shop.id);
    const errorMessage = `x${"\t".repeat(LONG)}x`;
    await aJob(db, run, { status: "failed", completedAt: at("2026-01-02T03:04:05"), errorMessage });
    const me = await as(app, { business: shop.id });
    const since = performance.now();
    const { text } = await me.get(`/api/outbound/runs/${run.id}/results.csv`);
    assert.ok(text.includes(errorMessage));
    assert.ok(performance.now() - since < 5_000);
  });

  it("begins with the mark of UTF-8 and holds every job of a long run", async () => {
    const shop = await aBusiness(db);
    const run = await aRun(db, shop.id);
    const lead = await aLead(db, shop.id);
    await db.execute(`
      with l as (insert into leads (tenant_id, name) select ${shop.id}, 'L' || n from generate_series(1, 2500) n returning id, name)
      insert into outbound_call_jobs (run_id, lead_id, business_id, lead_name, to_number)
      select ${run.id}, id, ${shop.id}, name, '+97250' || id from l order by id`);
    await aJob(db, run, { leadId: lead.id, leadName: "last" });
    const me = await as(app, { business: shop.id });
    const { text } = await me.get(`/api/outbound/runs/${run.id}/results.csv`);
    assert.equal((parse(text, { bom: true }) as unknown[]).length, 2502);
    const stranger = await as(app, { business: (await aBusiness(db)).id });
    assert.equal((await stranger.get(`/api/outbound/runs/${run.id}/results.csv`)).status, 404);
  });
});

describe("deleting leads", () => {
  const source = "imported_outbound";

  it("takes imported leads only, and only those without calls", async () => {
    const [mine, other] = [await aBusiness(db), await aBusiness(db)];
    const me = await as(app, { business: mine.id });
    const remove = (id: number) => me.delete(`/api/outbound/import-leads/${id}`);
    const lead = await aLead(db, mine.id, { source });
    assert.deepEqual((await remove(lead.id)).json, { success: true, message: "1 lead was deleted." });
    assert.equal((await remove(lead.id)).status, 404);

    const kept = await aLead(db, mine.id, { source });
    const padded = await me.delete(`/api/outbound/import-leads/0${kept.id}`);
    assert.deepEqual([padded.status, padded.json.code], [400, "request.invalid"]);
    assert.equal((await remove(kept.id)).status, 200);

    const form = await remove((await aLead(db, mine.id)).id);
    assert.deepEqual([form.status, form.json.code], [403, "lead.not_imported"]);
    const foreign = await remove((await aLead(db, other.id, { source })).id);
    const missing = await remove(2_000_000_000);
    assert.deepEqual([foreign.status, foreign.text], [404, missing.text]);

    const called = await aLead(db, mine.id, { source });
    await aJob(db, await aRun(db, mine.id), { leadId: called.id });
    const logged = await aLead(db, mine.id, { source });
    await aCall(mine.id, { leadId: logged.id });
    for (const { id } of [called, logged]) {
      const { status, json } = await remove(id);
      assert.deepEqual([status, json.code], [409, "lead.has_calls"]);
    }
  });

  it("takes all but those that a table of the CRM's own refers to, and those with calls", async (t) => {
    const shop = await aBusiness(db);
    const me = await as(app, { business: shop.id });
    const leads = [];
    for (let n = 0; n < 21; n++) leads.push(await aLead(db, shop.id, { source }));
    const noted = [leads[0]!, leads[7]!, leads[8]!, leads[20]!];
    await aJob(db, await aRun(db, shop.id), { leadId: leads[3]!.id });
    await db.execute(sql`create table crm_notes (lead_id int references leads deferrable initially deferred)`);
    t.after(() => db.execute(sql`drop table crm_notes`));
    for (const { id } of noted) await db.execute(sql`insert into crm_notes values (${id})`);
    const all = () => me.post("/api/outbound/import-leads/bulk-delete", { delete_all: true });
    const { status, json } = await all();
    assert.deepEqual([status, json.deleted_count], [200, 16]);
    const left = (await me.get("/api/outbound/import-leads")).json.items.map((lead: { id: number }) => lead.id);
    assert.deepEqual(
      left.toSorted((a: number, b: number) => a - b),
      [leads[0]!, leads[3]!, leads[7]!, leads[8]!, leads[20]!].map(({ id }) => id),
    );
    const again = await all();
    assert.deepEqual([again.status, again.json.code], [409, "lead.has_calls"]);
  });

  it("takes all of the named leads, or none", async () => {
    const shop = await aBusiness(db);
    const me = await as(app, { business: shop.id });
    const remove = (body: unknown) => me.post("/api/outbound/import-leads/bulk-delete", body);
    const left = async () => (await me.get("/api/outbound/import-leads")).json.total;
    const [a, b, called] = [
      await aLead(db, shop.id, { source }),
      await aLead(db, shop.id, { source }),
      await aLead(db, shop.id, { source }),
    ];
    const form = await aLead(db, shop.id);
    await aJob(db, await aRun(db, shop.id), { leadId: called.id });
    assert.equal((await remove({ lead_ids: [a.id, 2_000_000_000] })).status, 404);
    assert.equal((await remove({ lead_ids: [a.id, form.id] })).status, 403);
    assert.equal((await remove({ lead_ids: [a.id, called.id] })).status, 409);
    assert.equal((await remove({})).status, 400);
    assert.equal((await remove({ lead_ids: [a.id], delete_all: true })).status, 400);
    assert.equal(await left(), 3);
    const { json } = await remove({ lead_ids: [a.id, a.id] });
    assert.deepEqual(json, { success: true, deleted_count: 1, message: "1 lead was deleted." });
    assert.deepEqual((await remove({ delete_all: true })).json, {
      success: true,
      deleted_count: 1,
      message: "1 lead was deleted. 1 stays, because it has calls.",
    });
    assert.ok(b);
    const none = await remove({ delete_all: true });
    assert.deepEqual([none.status, none.json.code], [409, "lead.has_calls"]);
    assert.equal(await left(), 1);
    const agent = await as(app, { business: shop.id, role: "agent" });
    assert.equal((await agent.post("/api/outbound/import-leads/bulk-delete", { delete_all: true })).status, 403);
    assert.equal((await agent.delete(`/api/outbound/import-leads/${called.id}`)).status, 403);
  });
});
