// One business never sees another's: foreign and missing are the same bytes, each attempt leaves a line, and the check
// behind the query holds when the query is wrong.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { openDoor } from "../../db/door.ts";
import { guardOf } from "../../db/tenant/guard.ts";
import { anApi, as, type Answer } from "./harness.ts";
import { aBusiness, aJob, aLead, aList, anEvent, aRun } from "./rows.ts";
import { freshDatabase } from "./support.ts";

const db = await freshDatabase({ after });
const MISSING = 2_000_000_000;

const BY_RUN: [string, (id: number) => string, ((id: number) => unknown)?][] = [
  ["GET", (id) => `/api/outbound/runs/${id}`],
  ["GET", (id) => `/api/outbound/runs/${id}/jobs`],
  ["GET", (id) => `/api/outbound/runs/${id}/audit`],
  ["GET", (id) => `/api/outbound_calls/jobs/${id}/status`],
  ["POST", (id) => `/api/outbound_calls/jobs/${id}/cancel`],
  ["POST", (id) => `/api/outbound_calls/jobs/${id}/force-cancel`],
  ["POST", () => "/api/outbound/stop-queue", (id) => ({ run_id: id })],
  ["GET", (id) => `/api/outbound/import-leads?list_id=${id}`],
];

const headersOf = ({ headers }: Answer) => Object.fromEntries(headers);

describe("tenancy", () => {
  it("answers a foreign id with the same bytes as a missing one, and leaves a line for each", async () => {
    const [mine, other] = [await aBusiness(db), await aBusiness(db)];
    const run = await aRun(db, other.id);
    await aJob(db, run);
    await anEvent(db, run, "enqueued");
    const list = await aList(db, other.id);
    const { app, security, asked } = anApi(db);
    for (const language of ["he", "en"]) {
      const me = await as(app, { business: mine.id, language });
      for (const [method, path, body] of BY_RUN) {
        const foreignId = path(0).includes("list_id") ? list.id : run.id;
        const before = security().length;
        const foreign = await me.send(method, path(foreignId), body?.(foreignId));
        const missing = await me.send(method, path(MISSING), body?.(MISSING));
        assert.equal(foreign.status, 404, path(foreignId));
        assert.equal(foreign.text, missing.text);
        assert.deepEqual(headersOf(foreign), headersOf(missing));
        const lines = security().slice(before);
        assert.equal(lines.length, 2, "one line each");
        assert.deepEqual(
          lines.map((line) => line.level),
          ["warn", "warn"],
        );
        assert.equal(lines[0]?.message, lines[1]?.message);
      }
    }
    assert.deepEqual(asked, [], "the queue core was never asked");
  });

  it("lists, counts and shows as active only what is the caller's", async () => {
    const [mine, other] = [await aBusiness(db), await aBusiness(db)];
    const run = await aRun(db, other.id);
    const job = await aJob(db, run);
    await db.execute(
      `insert into outbound_call_slots (business_id, slot_no, job_id, run_id, token, expires_at)
       values (${other.id}, 1, ${job.id}, ${run.id}, 't', now())`,
    );
    const list = await aList(db, other.id, "theirs");
    await aLead(db, other.id, { source: "imported_outbound", outboundListId: list.id });
    const { app, security } = anApi(db);
    const me = await as(app, { business: mine.id });
    const them = await as(app, { business: other.id });
    // Named in the query, another business changes nothing: only a system_admin's is read.
    for (const query of ["", `?business_id=${other.id}`]) {
      assert.deepEqual((await me.get(`/api/outbound/runs${query}`)).json.items, []);
      assert.deepEqual((await me.get(`/api/outbound/bulk/active${query}`)).json, { active: false });
      assert.equal((await me.get(`/api/outbound_calls/counts${query}`)).json.active_outbound, 0);
      assert.deepEqual((await me.get(`/api/outbound/import-lists${query}`)).json, { lists: [] });
      assert.equal((await me.get(`/api/outbound/import-leads${query}`)).json.current_count, 0);
    }
    await them.put("/api/outbound/settings", { message_en: "theirs" });
    assert.equal((await me.get("/api/outbound/settings")).json.message_en, null);
    assert.equal((await them.get("/api/outbound/runs")).json.items.length, 1);
    assert.equal((await them.get("/api/outbound_calls/counts")).json.active_outbound, 1);
    assert.deepEqual(security(), []);
  });

  it("a cursor of another business opens nothing", async () => {
    const [mine, other] = [await aBusiness(db), await aBusiness(db)];
    for (let n = 0; n < 3; n++) await aRun(db, other.id);
    const own = await aRun(db, mine.id);
    const { app } = anApi(db);
    const { json } = await (await as(app, { business: other.id })).get("/api/outbound/runs?limit=1");
    const stolen = await (await as(app, { business: mine.id })).get(`/api/outbound/runs?cursor=${json.next_cursor}`);
    assert.ok(stolen.json.items.every((run: { run_id: number }) => run.run_id === own.id));
  });

  it("looks again behind the query: a row of another business is an error line, and not found", () => {
    const { deps, lines } = anApi(db);
    const guard = guardOf(openDoor(db, { businessId: 1, actor: "user:7", userId: 7 }), deps.log);
    assert.equal(guard.one({ businessId: 2 }, "run", 5), undefined);
    assert.deepEqual(guard.own([{ businessId: 1 }, { businessId: 2 }], "run"), [{ businessId: 1 }]);
    assert.deepEqual(
      lines.map(({ level, message }) => [level, message]),
      [
        ["error", "[SECURITY] Business ID mismatch"],
        ["error", "[SECURITY] Business ID mismatch"],
      ],
    );
  });
});

describe("system_admin", () => {
  it("reads, stops and cancels a run of any business through that business's door, and leaves an event", async () => {
    const shop = await aBusiness(db);
    const run = await aRun(db, shop.id);
    const { app, asked } = anApi(db);
    const admin = await as(app, { role: "system_admin", sub: "2" });
    const owner = await as(app, { business: shop.id });
    assert.equal((await admin.get(`/api/outbound/runs/${run.id}`)).status, 200);
    assert.equal((await admin.post("/api/outbound/stop-queue", { run_id: run.id })).status, 200);
    assert.equal((await admin.post(`/api/outbound_calls/jobs/${run.id}/cancel`)).status, 200);
    for (const call of asked) {
      const door = call[1] as { businessId: number; actor: string };
      assert.deepEqual([door.businessId, door.actor], [shop.id, "system_admin:2"]);
    }
    const { json } = await owner.get(`/api/outbound/runs/${run.id}/audit`);
    const events = json.items.map((e: { kind: string; actor: string }) => [e.kind, e.actor]);
    const event = ["system_admin.access", "system_admin:2"];
    assert.deepEqual(events, [event, event, event]);
  });

  it("gets the same 404 for a missing run as everybody", async () => {
    const shop = await aBusiness(db);
    const { app, security } = anApi(db);
    const admin = await (await as(app, { role: "system_admin" })).get(`/api/outbound/runs/${MISSING}`);
    const owner = await (await as(app, { business: shop.id })).get(`/api/outbound/runs/${MISSING}`);
    assert.equal(admin.text, owner.text);
    assert.equal(security().length, 2);
  });

  it("must name a business to start one, and it must exist", async () => {
    const shop = await aBusiness(db);
    const { app, asked, lines } = anApi(db);
    // The business in the token is not taken for the one that is meant.
    const admin = await as(app, { role: "system_admin", business: shop.id });
    const start = (query: string) => admin.post(`/api/outbound/bulk-enqueue${query}`, { lead_ids: [1] });
    for (const query of ["", "?business_id=", "?business_id=x", "?business_id=0", "?business_id=2147483648"])
      assert.deepEqual([(await start(query)).json.code, asked.length], ["business.required", 0], query);
    assert.equal((await start(`?business_id=${MISSING}`)).json.code, "business.not_found");
    assert.equal((await start(`?business_id=${shop.id}`)).status, 201);
    assert.equal((asked[0]?.[1] as { businessId: number } | undefined)?.businessId, shop.id);
    assert.ok(lines.some((l) => l.message.startsWith("[AUDIT]") && l.fields["businessId"] === shop.id));
    // A path may hold what a person typed into it.
    await admin.delete(`/api/outbound/import-leads/521234567?business_id=${shop.id}`);
    const { route, ids } = lines.findLast((l) => l.message.startsWith("[AUDIT]"))!.fields;
    assert.deepEqual([route, ids], ["/api/outbound/import-leads/:lead_id", [521234567]]);
  });
});
