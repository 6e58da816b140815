// Idempotency-Key: once is once, whoever repeats it, however often, and whoever dies meanwhile.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once as event } from "node:events";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { forgetOldKeys } from "../../db/once.ts";
import { hashOf } from "../../src/api/idempotency.ts";
import { readLeads } from "../../src/leads/import.ts";
import { requestCancel } from "../../src/runs/cancel.ts";
import { enqueueRun } from "../../src/runs/enqueue.ts";
import { stopRun } from "../../src/runs/stop.ts";
import { until } from "../support/until.ts";
import { connect } from "../tenancy/shops.ts";
import { anApi, as, type Answer } from "./harness.ts";
import { aBusiness, aLead } from "./rows.ts";
import { freshDatabase } from "./support.ts";

const db = await freshDatabase({ after });
const url = db.$client.options.connectionString!;
const { app } = anApi(db, { queue: { enqueueRun, stopRun, requestCancel }, deps: { readLeads } });
const ENQUEUE = "/api/outbound/bulk-enqueue";
const IMPORT = "/api/outbound/import-leads";

async function aCaller() {
  const shop = await aBusiness(db);
  const lead = await aLead(db, shop.id);
  const me = await as(app, { business: shop.id });
  const enqueue = (key: string, body: object = { lead_ids: [lead.id] }) =>
    me.post(ENQUEUE, body, { "idempotency-key": key });
  const runs = async () => (await me.get("/api/outbound/runs")).json.items.length as number;
  return { shop, lead, me, enqueue, runs };
}
const isReplay = (answer: Answer) => answer.headers.get("idempotent-replayed") === "true";

describe("Idempotency-Key", () => {
  it("gives the first answer again for the same wish, and refuses another one", async () => {
    const { shop, lead, me, enqueue, runs } = await aCaller();
    const first = await enqueue("a");
    assert.deepEqual([first.status, isReplay(first)], [201, false]);
    const again = await enqueue("a", { concurrency: 3, lead_ids: [lead.id, lead.id] });
    assert.deepEqual([again.status, isReplay(again), again.text], [201, true, first.text]);
    // The leads may be gone by then.
    await db.execute(`update leads set tenant_id = ${(await aBusiness(db)).id} where id = ${lead.id}`);
    assert.equal((await enqueue("a")).text, first.text);
    const other = await enqueue("a", { lead_ids: [lead.id], concurrency: 4 });
    assert.deepEqual([other.status, other.json.code], [422, "idempotency.key_reused"]);
    assert.equal((await me.post(IMPORT, { rows: [{ phone: "0501234567" }] }, { "idempotency-key": "a" })).status, 422);
    assert.equal(await runs(), 1);
    const stored = await db.execute<{ n: number }>(
      `select count(*)::int as n from outbound_idempotency_keys where business_id = ${shop.id}`,
    );
    assert.equal(stored.rows[0]?.n, 1);
  });

  it("means something within one business only", async () => {
    const [mine, other] = [await aCaller(), await aCaller()];
    const [a, b] = [await mine.enqueue("shared"), await other.enqueue("shared")];
    assert.deepEqual([a.status, b.status], [201, 201]);
    assert.notEqual(a.json.run_id, b.json.run_id);
    assert.equal(isReplay(b), false);
  });

  it("keeps no failure: the next try is a first one", async () => {
    const { lead, enqueue } = await aCaller();
    assert.equal((await enqueue("f", { lead_ids: [lead.id, 2_000_000_000] })).status, 404);
    assert.equal((await enqueue("f")).status, 201);
    assert.equal((await enqueue("g")).json.code, "run.nothing_to_call");
    for (const bad of ["", " ", "x".repeat(256), "a b", "é"])
      assert.equal((await enqueue(bad)).json.code, "request.invalid", bad);
  });

  it("100 at once and 20 in a row make one run", async () => {
    const { enqueue, runs } = await aCaller();
    const answers = await Promise.all(Array.from({ length: 100 }, () => enqueue("p")));
    for (let n = 0; n < 20; n++) answers.push(await enqueue("p"));
    const good = answers.filter(({ status }) => status === 201);
    assert.equal(good.filter((answer) => !isReplay(answer)).length, 1);
    assert.equal(new Set(good.map(({ text }) => text)).size, 1);
    for (const { status, json } of answers)
      if (status !== 201) assert.deepEqual([status, json.code], [409, "idempotency.in_flight"]);
    assert.equal(await runs(), 1);
  });

  it("killed in the middle: in flight while its transaction lives, then the retry makes the one run", async (t) => {
    const { shop, lead, enqueue, runs } = await aCaller();
    const gate = await connect(url);
    t.after(() => gate.end());
    // Held, the run's event cannot be written: the child stands between its claim and its commit.
    await gate.query("begin; lock table outbound_run_events in share mode");
    const child = aChild(t, [shop.id, lead.id, "k", "another wish"]);
    // Not on the gate's connection: within a transaction pg_stat_activity never changes.
    const waiting = "select 1 from pg_stat_activity where application_name = 'child' and wait_event_type = 'Lock'";
    await until(async () => (await db.execute(waiting)).rowCount === 1, "one waits");
    assert.equal((await enqueue("k")).json.code, "idempotency.in_flight");
    child.kill("SIGKILL");
    await event(child, "exit");
    await gate.query("rollback");
    let answer = await enqueue("k");
    await until(
      async () => (answer.status === 409 ? (answer = await enqueue("k")).status !== 409 : true),
      "the key is free again",
    );
    assert.equal(answer.status, 201, answer.text);
    assert.equal(await runs(), 1);
  });

  it("killed after the commit: the retry gets the run that nobody was told of", async (t) => {
    const { shop, lead, enqueue, runs } = await aCaller();
    const child = aChild(t, [shop.id, lead.id, "k", fingerprintOf(lead.id)]);
    await event(child.stdout, "data");
    child.kill("SIGKILL");
    const { rows } = await db.execute<{ id: number }>(
      `select id from outbound_call_runs where business_id = ${shop.id}`,
    );
    const answer = await enqueue("k");
    assert.deepEqual([answer.status, isReplay(answer), answer.json.run_id], [201, true, rows[0]?.id]);
    assert.equal(await runs(), 1);
  });

  it("is forgotten after a day", async () => {
    const { shop, me, enqueue } = await aCaller();
    const { json } = await enqueue("old");
    await db.execute(
      `update outbound_idempotency_keys set created_at = now() - interval '25 hours' where business_id = ${shop.id}`,
    );
    await me.post("/api/outbound/stop-queue", { run_id: json.run_id });
    const later = await enqueue("old", {
      lead_ids: (await db.execute<{ id: number }>(`select id from leads where tenant_id = ${shop.id}`)).rows.map(
        (r) => r.id,
      ),
      concurrency: 5,
    });
    assert.deepEqual([later.status, isReplay(later)], [201, false]);
    await db.execute(
      `update outbound_idempotency_keys set created_at = now() - interval '25 hours' where business_id = ${shop.id}`,
    );
    assert.equal(await forgetOldKeys(db), 1);
  });

  it("imports a file once, whatever boundary the browser chooses", async () => {
    const { me } = await aCaller();
    const send = (csv: string) => {
      const form = new FormData();
      form.append("file", new File([csv], "leads.csv"));
      return me.post(IMPORT, form, { "idempotency-key": "file" });
    };
    const [first, again] = [await send("phone\n0501234567\nx\n"), await send("phone\n0501234567\nx\n")];
    assert.deepEqual([first.status, again.status, isReplay(again)], [200, 200, true]);
    assert.equal(again.text, first.text);
    assert.equal((await me.get("/api/outbound/import-lists")).json.lists.length, 1);
    assert.equal((await send("phone\n0501234568\n")).status, 422);
  });
});

/** As the route makes it. */
function fingerprintOf(leadId: number): string {
  const wish = { leadIds: [leadId], concurrency: 3, outboundListId: null, projectId: null, message: null };
  return hashOf(["POST", ENQUEUE, hashOf(JSON.stringify(wish))].join(" "));
}

function aChild(t: { after(work: () => void): void }, args: (string | number)[]) {
  const file = fileURLToPath(new URL("enqueue-child.ts", import.meta.url));
  const child = spawn(process.execPath, [file, url, ...args.map(String)], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => void child.kill("SIGKILL"));
  return child;
}
