// The API on a real socket: health, limits, typed client, and closing.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { hc } from "hono/client";
import { openDatabase } from "../../db/client.ts";
import type { AppType } from "../../src/api/app.ts";
import { startApi } from "../../src/api/server.ts";
import { signToken } from "../../src/api/token.ts";
import { until } from "../support/until.ts";
import { anApi, answerOf, SECRET } from "./harness.ts";
import { aBusiness, aRun } from "./rows.ts";
import { watch } from "./stream.ts";
import { freshDatabase } from "./support.ts";

const db = await freshDatabase({ after });
const listen = { host: "127.0.0.1", port: 0 };
const PATIENT = { headersMs: 10_000, requestMs: 120_000, stalledMs: 60_000, keepAliveMs: 65_000, checkMs: 20 };
/** The largest answer that needs no token. */
const LARGE = "/docs/swagger-ui-bundle.js";

/** A client that has sent its requests and reads nothing until it is asked to. */
async function unread(url: string, path: string, requests = 1): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).on("error", () => {});
  await once(socket, "connect");
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(requests));
  return socket;
}

describe("the server", () => {
  it("leads who types the bare address to the console", async (t) => {
    const { app } = anApi(await freshDatabase(t));
    const answer = await app.request("/");
    assert.equal(answer.status, 302);
    assert.equal(
      new URL(answer.headers.get("location") ?? "", "https://crm.example/x/").href,
      "https://crm.example/x/console",
    );
  });

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
    const timeouts = { ...PATIENT, headersMs: 150, requestMs: 300, keepAliveMs: 100, checkMs: 20 };
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

  it("cuts who takes nothing of an answer for long, but neither who reads slowly nor who waits for us", async (t) => {
    const stalledMs = 1_000;
    const shop = await aBusiness(db);
    const run = await aRun(db, shop.id);
    const token = await signToken({ secret: SECRET, sub: "7", role: "owner", businessId: shop.id });
    const answer = Promise.withResolvers<{ runId: number; queued: number; skipped: [] }>();
    const { deps } = anApi(db, { queue: { enqueueRun: () => answer.promise } });
    const api = await startApi({ ...deps, listen, timeouts: { ...PATIENT, stalledMs } });
    t.after(() => api.close(0));
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const body = '{"lead_ids":[1]}';
    const waiting = fetch(`${api.url}/api/outbound/bulk-enqueue`, { method: "POST", headers, body });
    const watching = await watch(api.url, token, run.id);
    await until(() => watching.events.length === 1, "the stream has begun");

    // More than the kernel keeps for a client.
    const requests = 20;
    const whole = requests * Number((await fetch(api.url + LARGE)).headers.get("content-length"));
    const deaf = await unread(api.url, LARGE, requests);
    const slow = await unread(api.url, LARGE, requests);
    const began = performance.now();
    let taken = 0;
    for await (const chunk of slow) {
      taken += (chunk as Buffer).length;
      if (taken > whole) break;
      await sleep(5);
    }
    assert.ok(taken > whole, `the slow one has ${taken} of ${whole} bytes`);
    await sleep(Math.max(0, began + 3 * stalledMs - performance.now()));
    let left = 0;
    deaf.on("data", (chunk: Buffer) => (left += chunk.length));
    await until(() => deaf.closed, "the deaf one is cut off");
    assert.ok(left < whole, `${left} of ${whole} bytes were kept for it`);
    assert.equal(watching.ended, false);
    watching.leave();
    answer.resolve({ runId: 1, queued: 1, skipped: [] });
    assert.equal((await waiting).status, 201);
  });

  it("keeps no answer once for each client that does not read it", async (t) => {
    const api = await startApi({ ...anApi(db).deps, listen });
    const clients: Socket[] = [];
    t.after(async () => {
      for (const client of clients) client.destroy();
      await api.close(0);
    });
    const answered = async () => {
      const figures = await (await fetch(`${api.url}/metrics`)).text();
      const counts = figures.matchAll(/^ringpost_http_request_seconds_count\{.*route="\/(?:docs|openapi).*\} (\d+)$/gm);
      return [...counts].reduce((sum, [, n]) => sum + Number(n), 0);
    };
    const used = () => process.memoryUsage().heapUsed + process.memoryUsage().external;
    /** Which part of what they asked for is in memory. */
    const held = async (path: string) => {
      const size = Number((await fetch(api.url + path)).headers.get("content-length"));
      // More than the kernel keeps for a client.
      const [count, each] = [20, Math.ceil(10_000_000 / size)];
      const [before, usedBefore] = [await answered(), used()];
      clients.push(...(await Promise.all(Array.from({ length: count }, () => unread(api.url, path, each)))));
      await until(async () => (await answered()) === before + count * each, "all are answered");
      return (used() - usedBefore) / (count * each * size);
    };
    for (const path of [LARGE, "/openapi.json"]) {
      const part = await held(path);
      assert.ok(part < 0.25, `${path}: ${part}`);
    }
  });

  it("lets in so many connections at once, and says when they were too few", async (t) => {
    const { deps, lines } = anApi(db);
    const api = await startApi({ ...deps, listen, maxConnections: 2 });
    t.after(() => api.close(0));
    const two = [await unread(api.url, "/livez"), await unread(api.url, "/livez")];
    for (const client of two) await once(client, "readable");
    for (const _ of [3, 4]) {
      const refused = await unread(api.url, "/livez");
      assert.equal((await refused.toArray()).length, 0);
    }
    assert.deepEqual(
      lines.filter((line) => /connections/.test(line.message)).map(({ level, fields }) => [level, fields]),
      [["warn", { maxConnections: 2 }]],
    );
    two[0]?.destroy();
    await until(
      () =>
        fetch(`${api.url}/livez`).then(
          (answer) => answer.ok,
          () => false,
        ),
      "a place is free",
    );
    two[1]?.destroy();
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
    assert.ok(Date.now() - began < 5_000, "an idle connection does not hold it up");
    await assert.rejects(fetch(`${patient.url}/livez`));

    const strict = await startApi({ ...deps, listen });
    const never = assert.rejects(ask(strict.url));
    await until(() => Promise.resolve(inside === 2), "the request is being worked on");
    await strict.close(50);
    await never;
  });
});
