// The API on a real socket: health, limits, typed client, and closing.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, describe, it } from "node:test";
import { hc } from "hono/client";
import { openDatabase } from "../../db/client.ts";
import type { AppType } from "../../src/api/app.ts";
import { startApi } from "../../src/api/server.ts";
import { signToken } from "../../src/api/token.ts";
import { until } from "../support/until.ts";
import { anApi, answerOf, SECRET } from "./harness.ts";
import { aBusiness, aRun } from "./rows.ts";
import { freshDatabase } from "./support.ts";

const db = await freshDatabase({ after });
const listen = { host: "127.0.0.1", port: 0 };

describe("the server", () => {
  it("is alive and ready", async (t) => {
    const api = await startApi({ ...anApi(db).deps, listen });
    t.after(() => api.close(0));
    assert.deepEqual((await answerOf(await fetch(`${api.url}/livez`))).json, { status: "ok" });
    const ask = async () => await answerOf(await fetch(`${api.url}/readyz`));
    let ready = await ask();
    // Not before it listens for changes.
    while (ready.json.code === "events.unavailable") ready = await ask();
    assert.deepEqual([ready.status, ready.json], [200, { status: "ready", workers: 0 }]);
  });

  it("is alive but not ready without its database, and says so to callers", async (t) => {
    const gone = openDatabase({ url: "postgres://nobody@127.0.0.1:1/none", name: "test" });
    const api = await startApi({ ...anApi(gone).deps, listen });
    t.after(async () => {
      await api.close(0);
      await gone.$client.end();
    });
    assert.equal((await fetch(`${api.url}/livez`)).status, 200);
    const ready = await answerOf(await fetch(`${api.url}/readyz`));
    assert.deepEqual([ready.status, ready.json.code], [503, "database.unavailable"]);
    const token = await signToken({ secret: SECRET, sub: "7", role: "owner", businessId: 1 });
    const headers = { authorization: `Bearer ${token}` };
    const runs = await answerOf(await fetch(`${api.url}/api/outbound/runs`, { headers }));
    assert.deepEqual([runs.status, runs.json.code], [503, "database.unavailable"]);
    assert.ok(runs.headers.has("retry-after"));
    assert.match(runs.json.instance, /^urn:uuid:/);
  });

  it("is not ready on an older schema", async (t) => {
    const old = await freshDatabase(t);
    await old.execute("delete from drizzle.__drizzle_migrations");
    const { app } = anApi(old);
    assert.equal((await answerOf(await app.request("/readyz"))).json.code, "database.outdated");
  });

  it("answers a typed client", async (t) => {
    const shop = await aBusiness(db);
    const run = await aRun(db, shop.id);
    const api = await startApi({ ...anApi(db).deps, listen });
    t.after(() => api.close(0));
    const token = await signToken({ secret: SECRET, sub: "7", role: "owner", businessId: shop.id });
    const client = hc<AppType>(api.url, { headers: { authorization: `Bearer ${token}` } });
    const answer = await client.api.outbound.runs[":run_id"].$get({ param: { run_id: String(run.id) } });
    const body = await answer.json();
    const id: number = body.run_id;
    assert.deepEqual([id, body.can_cancel], [run.id, true]);
    const start = await client.api.outbound["bulk-enqueue"].$post({ json: { lead_ids: [1] } });
    const started: { run_id: number; queued: number } = await start.json();
    assert.equal(started.queued, 1);
  });

  it("refuses a body that is too large, announced or streamed, on the wire", async (t) => {
    const api = await startApi({ ...anApi(db).deps, listen });
    t.after(() => api.close(0));
    const token = await signToken({ secret: SECRET, sub: "7", role: "owner", businessId: 1 });
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const large = "x".repeat(5 * 1024 * 1024);
    for (const body of [large, new Blob([large]).stream()]) {
      const init = { method: "POST", headers, body, duplex: "half" } as RequestInit;
      assert.equal((await fetch(`${api.url}/api/outbound/bulk-enqueue`, init)).status, 413);
    }
  });

  it("ends connections that dawdle over headers or body, and refuses headers beyond all measure", async (t) => {
    const timeouts = { headersMs: 150, requestMs: 300, keepAliveMs: 100, checkMs: 20 };
    const api = await startApi({ ...anApi(db).deps, listen, timeouts });
    t.after(() => api.close(0));
    const { hostname, port } = new URL(api.url);
    const said = async (text: string) => {
      const socket = connect(Number(port), hostname);
      socket.write(text);
      let answer = "";
      for await (const chunk of socket) answer += String(chunk);
      return answer;
    };
    assert.match(await said("GET /livez HTTP/1.1\r\nHost: x\r\n"), /^HTTP\/1.1 408/);
    const body = "POST /webhooks/twilio/status HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\na=";
    assert.match(await said(body), /^HTTP\/1.1 408/);
    assert.match(await said(`GET /livez HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20_000)}\r\n\r\n`), /^HTTP\/1.1 431/);
    assert.match(await said("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"), /^HTTP\/1.1 200/);
  });

  it("lets the CRM's origin in, and no other", async () => {
    const { app } = anApi(db);
    const preflight = async (origin: string) => {
      const headers = { origin, "access-control-request-method": "POST" };
      const response = await app.request("/api/outbound/bulk-enqueue", { method: "OPTIONS", headers });
      return response.headers.get("access-control-allow-origin");
    };
    assert.equal(await preflight("https://crm.example.test"), "https://crm.example.test");
    assert.equal(await preflight("https://evil.example.test"), null);
    // An error is readable for the page too.
    const refused = await app.request("/api/outbound/runs", { headers: { origin: "https://crm.example.test" } });
    assert.equal(refused.status, 401);
    assert.equal(refused.headers.get("access-control-allow-origin"), "https://crm.example.test");
  });

  it("finishes what runs, cuts what never ends, and closes once", async () => {
    const shop = await aBusiness(db);
    const token = await signToken({ secret: SECRET, sub: "7", role: "owner", businessId: shop.id });
    let answer: (() => void) | undefined;
    let inside = 0;
    const { deps } = anApi(db, {
      queue: {
        enqueueRun: () =>
          new Promise((resolve) => {
            answer = () => resolve({ runId: 1, queued: 1, skipped: [] });
            inside++;
          }),
      },
    });
    const ask = (url: string) =>
      fetch(`${url}/api/outbound/bulk-enqueue`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: '{"lead_ids":[1]}',
      });

    const patient = await startApi({ ...deps, listen });
    const running = ask(patient.url);
    await until(() => Promise.resolve(inside === 1), "the request is being worked on");
    const closing = patient.close(10_000);
    const nobodyElse = () =>
      fetch(`${patient.url}/livez`).then(
        () => false,
        () => true,
      );
    await until(nobodyElse, "the door is closed before the answer goes out");
    answer?.();
    assert.equal((await running).status, 201);
    const began = Date.now();
    await Promise.all([closing, patient.close(10_000)]);
    assert.ok(Date.now() - began < 2_000, "an idle connection does not hold it up");
    await assert.rejects(fetch(`${patient.url}/livez`));

    const strict = await startApi({ ...deps, listen });
    const never = assert.rejects(ask(strict.url));
    await until(() => Promise.resolve(inside === 2), "the request is being worked on");
    await strict.close(50);
    await never;
  });
});
