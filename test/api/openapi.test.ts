// The OpenAPI document: sound by a public linter, complete, and true of real answers.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { sql } from "drizzle-orm";
import { openFeed } from "../../src/api/feed.ts";
import { openApiDocument } from "../../src/api/openapi.ts";
import { PROBLEMS } from "../../src/api/messages.ts";
import { startApi, type Api } from "../../src/api/server.ts";
import { signToken } from "../../src/api/token.ts";
import { cleanUpBusiness } from "../../src/runs/cleanup.ts";
import { callCancelled } from "../../src/runs/callCancelled.ts";
import { enqueueRun } from "../../src/runs/enqueue.ts";
import { requestCancel } from "../../src/runs/cancel.ts";
import { resumeRun } from "../../src/runs/resume.ts";
import { forceCancelRun, stopRun } from "../../src/runs/stop.ts";
import { waitingFor } from "../../src/runs/waiting.ts";
import { conformance } from "./conformance.ts";
import { anApi, AUTH_TOKEN, PUBLIC_URL, SECRET } from "./harness.ts";
import { aBusiness, aLead, aList, aRun } from "./rows.ts";
import { freshDatabase } from "./support.ts";
import { signedForm } from "./signed.ts";
import { testLogger } from "../support/log.ts";

const db = await freshDatabase({ after });
const limits = {
  postStartBudgetMs: 2_000,
  postTimeoutMs: 10_000,
  maxCallsPerBusiness: 3,
  adoptAfterMs: 20_000,
  runTtlMs: 300_000,
  heartbeatMs: 5_000,
  afterTtl: "fail" as const,
};
const { app, deps } = anApi(db, {
  queue: {
    enqueueRun,
    callCancelled,
    requestCancel,
    resumeRun,
    stopRun,
    forceCancelRun,
    cleanUpBusiness: (door) => cleanUpBusiness({ limits, log: testLogger() }, door),
    waitingFor: (door, id) => waitingFor(door, id, { limits, accountSid: undefined, callerId: undefined }),
  },
});
const document = await openApiDocument();
const paths = document.paths as Record<string, Record<string, { responses: Record<string, { content?: object }> }>>;
const inDocument = (path: string) => path.replace(/:(\w+)/g, "{$1}");

describe("the OpenAPI document", () => {
  it("has no fault that a public linter finds", async () => {
    const config = await createConfig({
      extends: ["recommended"],
      // Probes and pages refuse nobody.
      rules: { "operation-4xx-response": "off" },
    });
    const found = await lintFromString({ source: JSON.stringify(document), config });
    const faults = found.map((p) => `${p.severity} ${p.ruleId}: ${p.message} at ${p.location[0]?.pointer}`);
    assert.deepEqual(faults, []);
  });

  it("names every route of the application, and no other", () => {
    const routes = app.routes
      .filter(({ method, path }) => method !== "ALL" && !path.includes("*"))
      .map(({ method, path }) => `${method} ${inDocument(path)}`);
    const named = Object.entries(paths).flatMap(([path, of]) =>
      Object.keys(of).map((method) => `${method.toUpperCase()} ${path}`),
    );
    assert.deepEqual([...new Set(routes)].toSorted(), named.toSorted());
  });

  it("names every code, and where it can come from", () => {
    const text = JSON.stringify(paths);
    const unnamed = Object.keys(PROBLEMS).filter((code) => !text.includes(`\`${code}\``));
    assert.deepEqual(unnamed, []);
  });

  it("is served as it is made, beside a page that loads nothing from elsewhere", async () => {
    const served = await app.request("/openapi.json");
    assert.deepEqual(await served.json(), JSON.parse(JSON.stringify(document)));
    const page = await app.request("/docs");
    const html = await page.text();
    assert.match(page.headers.get("content-security-policy") ?? "", /^default-src 'none'; script-src 'self';/);
    assert.doesNotMatch(page.headers.get("content-security-policy") ?? "", /unsafe/);
    const loaded = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((found) => found[1]!);
    assert.ok(
      loaded.every((url) => url.startsWith("/docs/") || url.startsWith("data:")),
      loaded.join(),
    );
    for (const url of loaded.filter((url) => url.startsWith("/")))
      assert.ok((await (await app.request(url)).text()).length > 50, url);
    for (const name of ["package.json", "constructor", "..%2fpackage.json"])
      assert.equal((await app.request(`/docs/${name}`)).status, 404);
  });
});

describe("real answers", () => {
  let api: Api;
  const spec = conformance(document);
  const answered = new Set<string>();

  before(async () => {
    const feed = openFeed({ ...deps, waitingFor: (door, id) => deps.queue.waitingFor(door, id) });
    api = await startApi({ ...deps, feed, listen: { host: "127.0.0.1", port: 0 } });
    while (!feed.alive()) await new Promise((resolve) => setTimeout(resolve, 5));
  });
  after(() => api.close(0));

  /** Sends a request to a route as the document names it, and checks the answer against what the document says. */
  async function ask(route: string, url: string, init: RequestInit, expected: number) {
    const [method = "", path = ""] = route.split(" ");
    const response = await fetch(api.url + url, { method, ...init });
    const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
    if (isStream) await response.body?.cancel();
    const text = isStream ? "" : await response.text();
    assert.equal(response.status, expected, `${route}: ${text}`);
    const operation = spec.operations.find((of) => of.method === method && of.path === path);
    assert.ok(operation, `${route} is not described`);
    spec.check(operation, { status: expected, headers: response.headers, text });
    answered.add(`${route} ${expected}`);
    const isJson = response.headers.get("content-type")?.includes("json");
    return isJson ? (JSON.parse(text) as Record<string, unknown>) : undefined;
  }

  it("are what the document says, for every route", async () => {
    const shop = await aBusiness(db, { phoneNumber: "+97231234567" });
    const token = await signToken({ secret: SECRET, sub: "7", role: "owner", businessId: shop.id });
    const headers = { authorization: `Bearer ${token}` };
    const json = (body: unknown) => ({
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const list = await aList(db, shop.id);
    const leads: number[] = [];
    for (let n = 0; n < 8; n++)
      leads.push(
        (
          await aLead(db, shop.id, {
            phoneE164: `+9725011111${10 + n}`,
            outboundListId: list.id,
            source: "imported_outbound",
          })
        ).id,
      );
    const [a, b, c, d, e, f, g, h] = leads;
    const get = (route: string, url = route, expected = 200) => ask(`GET ${route}`, url, { headers }, expected);
    const post = (route: string, body: unknown, expected = 200, url = route) =>
      ask(`POST ${route}`, url, json(body), expected);
    const RUN = "/api/outbound/runs/{run_id}";
    const JOB = "/api/outbound_calls/jobs/{run_id}";

    const idle = await get("/api/outbound/bulk/active");
    assert.equal(idle?.["active"], false);
    await get("/api/outbound_calls/jobs/active", undefined, 404);
    const made = await post("/api/outbound/bulk-enqueue", { lead_ids: [a, b, c] }, 201);
    await post("/api/outbound/bulk-enqueue", { lead_ids: [a] }, 409);
    await post("/api/outbound/bulk-enqueue", { lead_ids: [2_000_000_000] }, 404);
    await post("/api/outbound/bulk-enqueue", { lead_ids: "x" }, 400);
    const id = Number(made?.["run_id"]);
    const run = `/api/outbound/runs/${id}`;
    const job = `/api/outbound_calls/jobs/${id}`;
    await get("/api/outbound/runs");
    const waiting = await get(RUN, run);
    assert.equal((waiting?.["waiting_for"] as { reason: string } | undefined)?.reason, "worker");
    await get(RUN, "/api/outbound/runs/2000000000", 404);
    await get(`${RUN}/jobs`, `${run}/jobs`);
    await get(`${RUN}/audit`, `${run}/audit`);
    await get(`${RUN}/audit`, `${run}/audit?cursor=x`, 400);
    await get(`${RUN}/events`, `${run}/events`);
    await get(`${RUN}/results.csv`, `${run}/results.csv`);
    await get("/api/outbound/bulk/active");
    await get("/api/outbound_calls/jobs/active");
    await get(`${JOB}/status`, `${job}/status`);
    await get("/api/outbound_calls/counts");
    await post(`${RUN}/resume`, {}, 409, `${run}/resume`);
    await post(`${RUN}/call-cancelled`, {}, 409, `${run}/call-cancelled`);
    await post(`${JOB}/cancel`, {}, 200, `${job}/cancel`);
    await post("/api/outbound/stop-queue", { run_id: id });
    await post("/api/outbound/stop-queue", { run_id: id });
    await post(`${JOB}/cancel`, {}, 400, `${job}/cancel`);
    await post(`${JOB}/force-cancel`, {}, 200, `${job}/force-cancel`);
    const rest = await post(`${RUN}/call-cancelled`, {}, 201, `${run}/call-cancelled`);
    await post("/api/outbound/stop-queue", { run_id: Number(rest?.["run_id"]) });
    const time = new Date();
    const lost = await aRun(db, shop.id, {
      status: "failed",
      startedAt: time,
      endedAt: time,
      completedAt: time,
      queuedCount: 0,
      totalLeads: 0,
    });
    await post(`${RUN}/resume`, {}, 200, `/api/outbound/runs/${lost.id}/resume`);

    await post("/api/outbound_calls/start", { lead_ids: [d, e, f, g] }, 201);
    await placeCallsOfNewRuns();
    await post("/api/outbound_calls/start", { lead_ids: [h] });
    await post("/api/outbound/cleanup-stuck-jobs", {});
    await post("/api/outbound/cleanup-stuck-jobs", {}, 429);

    await db.execute(sql`
      insert into call_log (business_id, lead_id, call_sid, direction, call_status, duration)
      values (${shop.id}, ${a}, 'CA1', 'outbound', 'completed', 3)`);
    const calls = await get("/api/outbound/recent-calls", "/api/outbound/recent-calls?page_size=1");
    assert.equal(calls?.["total"], 1);

    const rows = { rows: [{ phone: "+972521111111" }, { phone: "x" }], list_name: "L" };
    const imported = await post("/api/outbound/import-leads", rows);
    assert.equal(imported?.["skipped_count"], 1);
    await post("/api/outbound/import-leads", { rows: [{ phone: "x" }] }, 400);
    const found = await get(
      "/api/outbound/import-leads",
      `/api/outbound/import-leads?list_id=${String(imported?.["list_id"])}`,
    );
    await get("/api/outbound/import-leads", "/api/outbound/import-leads?list_id=2000000000", 404);
    await get("/api/outbound/import-lists");
    const CALLED = "/api/outbound/import-lists/{list_id}/called";
    const ofList = await get(CALLED, CALLED.replace("{list_id}", String(list.id)));
    assert.deepEqual([ofList?.["current_leads"], ofList?.["called_leads"]], [8, 1]);
    await get(CALLED, CALLED.replace("{list_id}", "2000000000"), 404);
    const lead = (found?.["items"] as { id: number }[] | undefined)?.[0]?.id ?? 0;
    const LEAD = "/api/outbound/import-leads/{lead_id}";
    await ask(`DELETE ${LEAD}`, `/api/outbound/import-leads/${a}`, { headers }, 409);
    await ask(`DELETE ${LEAD}`, `/api/outbound/import-leads/${lead}`, { headers }, 200);
    const spare = await aLead(db, shop.id, { source: "imported_outbound" });
    await post("/api/outbound/import-leads/bulk-delete", { lead_ids: [spare.id] });

    await get("/api/outbound/settings");
    await ask("PUT /api/outbound/settings", "/api/outbound/settings", json({ max_calls: 5, locale: "he" }), 200);
    const agent = await signToken({ secret: SECRET, sub: "8", role: "agent", businessId: shop.id });
    const asAgent = { ...json({ max_calls: 5 }), headers: { ...json({}).headers, authorization: `Bearer ${agent}` } };
    await ask("PUT /api/outbound/settings", "/api/outbound/settings", asAgent, 403);
    await ask("GET /api/outbound/runs", "/api/outbound/runs", {}, 401);

    const news = signedForm(AUTH_TOKEN, `${PUBLIC_URL}/webhooks/twilio/status`, {
      CallSid: "CA1",
      CallStatus: "ringing",
    });
    await ask("POST /webhooks/twilio/status", "/webhooks/twilio/status", news, 204);
    await ask("POST /webhooks/twilio/status", "/webhooks/twilio/status", { body: news.body }, 403);
    const words = signedForm(AUTH_TOKEN, `${PUBLIC_URL}/webhooks/twilio/voice`, { CallSid: "CA1" });
    await ask("POST /webhooks/twilio/voice", "/webhooks/twilio/voice", words, 200);

    for (const path of ["/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "/console"]) await get(path);
    await get("/docs/{file}", "/docs/start.js");
    await get("/docs/{file}", "/docs/none", 404);
    await get("/console/{name}", "/console/main.js");
    await get("/console/{name}", "/console/none", 404);

    const good = (status: string) => status.startsWith("2");
    const promised = Object.entries(paths).flatMap(([path, of]) =>
      Object.entries(of).flatMap(([method, { responses }]) =>
        Object.keys(responses)
          .filter(good)
          .map((status) => `${method.toUpperCase()} ${path} ${status}`),
      ),
    );
    assert.deepEqual(
      promised.filter((one) => !answered.has(one)),
      [],
      "answers that no request of this test got",
    );
  });

  /** Stands in for a worker: every job that is added from now on is on its way at once. */
  async function placeCallsOfNewRuns(): Promise<void> {
    await db.execute(sql`
      create function place() returns trigger language plpgsql as $$
      begin
        new.status = 'calling'; new.call_sid = 'CAx' || new.id; new.twilio_call_sid = new.call_sid;
        new.dial_lock_token = 't'; new.dial_started_at = now();
        return new;
      end $$`);
    await db.execute(
      sql`create trigger place before insert on outbound_call_jobs for each row execute function place()`,
    );
  }
});
