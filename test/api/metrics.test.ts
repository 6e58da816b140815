// What the operator sees: figures, and readiness.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { openDatabase } from "../../db/client.ts";
import { slots } from "../../db/schema.ts";
import { apiClient } from "../../src/api/client.ts";
import { openFeed } from "../../src/api/feed.ts";
import { startApi } from "../../src/api/server.ts";
import { signToken } from "../../src/api/token.ts";
import { anApi, answerOf, as, AUTH_TOKEN, PUBLIC_URL, SECRET } from "./harness.ts";
import { aBusiness, aJob, anEvent, aRun } from "./rows.ts";
import { signedForm } from "./signed.ts";
import { freshDatabase } from "./support.ts";

/** The value of a line such as `name{a="b"}`. */
const valueOf = (text: string, line: string) => {
  const found = text.split("\n").find((one) => one.startsWith(`ringpost_${line} `));
  return found === undefined ? undefined : Number(found.split(" ").at(-1));
};

describe("metrics", () => {
  it("tell of the queue, per business, the longest first and the rest as one", async (t) => {
    const db = await freshDatabase(t);
    const shops = [];
    for (let n = 0; n < 22; n++) {
      const shop = await aBusiness(db);
      shops.push(shop);
      await aRun(db, shop.id, { totalLeads: 100 - n, queuedCount: 100 - n, createdAt: new Date(Date.now() - 60_000) });
    }
    const [first, , , , , , , , , , , , , , , , , , , , last] = shops;
    const running = await aRun(db, first!.id, {
      status: "running",
      startedAt: new Date(),
      queuedCount: 0,
      inProgressCount: 1,
    });
    const job = await aJob(db, running);
    await db.insert(slots).values({
      businessId: first!.id,
      slotNo: 1,
      jobId: job.id,
      runId: running.id,
      token: "t",
      expiresAt: new Date(),
    });
    const { app } = anApi(db);
    const text = await (await app.request("/metrics")).text();
    const business = `{business="${first!.id}"}`;
    assert.equal(valueOf(text, `queue_depth${business}`), 100);
    assert.equal(valueOf(text, `slots_used${business}`), 1);
    assert.equal(valueOf(text, `slots_limit${business}`), 3);
    const age = valueOf(text, `queue_oldest_seconds${business}`) ?? 0;
    assert.ok(age >= 60 && age < 90, String(age));
    assert.equal(valueOf(text, `queue_depth{business="${last!.id}"}`), undefined);
    assert.equal(valueOf(text, 'queue_depth{business="other"}'), 80 + 79);
    assert.equal(valueOf(text, 'open_runs{status="pending"}'), 22);
    assert.equal(valueOf(text, 'open_runs{status="running"}'), 1);
    assert.equal(valueOf(text, "database_up"), 1);
  });

  it("count what workers did, from the trail that they write", async (t) => {
    const db = await freshDatabase(t);
    const shop = await aBusiness(db);
    const run = await aRun(db, shop.id);
    await anEvent(db, run, "job.ended");
    const { app } = anApi(db);
    await app.request("/metrics");
    // Counted from one moment: what passes between two inserts would be time that the slot stood free.
    const now = Date.now();
    const event = (kind: string, secondsAgo: number, outcome = "") => {
      const at = new Date(now - 1_000 * secondsAgo).toISOString();
      return db.execute(sql`
        insert into outbound_run_events (run_id, business_id, kind, actor, detail, at)
        values (${run.id}, ${shop.id}, ${kind}, 'worker:1', ${JSON.stringify({ outcome })}::jsonb, ${at}::timestamptz)`);
    };
    await event("job.ended", 20, "busy");
    await event("job.dialing", 19.97);
    await event("run.reclaimed", 19);
    await event("job.ended", 0, "completed"); // too young: a smaller id may still commit
    t.mock.method(performance, "now", () => 1e9); // past the cache
    const text = await (await app.request("/metrics")).text();
    assert.equal(valueOf(text, 'dials_total{result="busy"}'), 1);
    assert.equal(valueOf(text, 'dials_total{result="completed"}'), undefined);
    assert.equal(valueOf(text, 'run_events_total{kind="run.reclaimed"}'), 1);
    assert.equal(valueOf(text, "slot_refill_seconds_count"), 1);
    assert.ok(Math.abs((valueOf(text, "slot_refill_seconds_sum") ?? 0) - 0.03) < 0.02);
  });

  it("tell of this process: routes by pattern, security lines, callbacks", async (t) => {
    const db = await freshDatabase(t);
    const { app } = anApi(db);
    const me = await as(app, { business: (await aBusiness(db)).id });
    await me.get("/api/outbound/runs/123");
    await me.get("/api/outbound/runs/124");
    await app.request("/nowhere/at/all");
    const sent = new Date(Date.now() - 3_000).toUTCString();
    const news = { CallSid: "CA1", CallStatus: "ringing", Timestamp: sent };
    const form = signedForm(AUTH_TOKEN, `${PUBLIC_URL}/webhooks/twilio/status`, news);
    assert.equal((await app.request("/webhooks/twilio/status", { method: "POST", ...form })).status, 204);
    const text = await (await app.request("/metrics")).text();
    const count = (route: string, status: number, method = "GET") =>
      valueOf(text, `http_request_seconds_count{method="${method}",route="${route}",status="${status}"}`);
    assert.equal(count("/api/outbound/runs/:run_id", 404), 2);
    assert.equal(count("none", 404), 1);
    assert.equal(count("/webhooks/twilio/status", 204, "POST"), 1);
    assert.equal(valueOf(text, "security_total"), 2);
    assert.equal(valueOf(text, "callback_lag_seconds_count"), 1);
    assert.ok((valueOf(text, "callback_lag_seconds_sum") ?? 0) >= 2);
    // Between a label's own quotes only: a figure may have any digits, and from one label to the next stand figures.
    assert.doesNotMatch(text, /="[^"]*12[34]/, "no id of a request becomes a label");
  });

  it("say that the database is away, and stay", async (t) => {
    const gone = openDatabase({ url: "postgres://nobody@127.0.0.1:1/none", name: "test" });
    t.after(() => gone.$client.end());
    const { app } = anApi(gone);
    const answer = await app.request("/metrics");
    assert.equal(answer.status, 200);
    assert.equal(valueOf(await answer.text(), "database_up"), 0);
  });
});

describe("readiness", () => {
  const db = freshDatabase({ after });

  it("names the live workers, and is there without one", async () => {
    const { app } = anApi(await db);
    const ready = async () => (await answerOf(await app.request("/readyz"))).json;
    assert.deepEqual(await ready(), { status: "ready", workers: 0 });
    await (
      await db
    ).execute(sql`
      insert into outbound_workers (id, name, host, pid, heartbeat_at, stopped_at)
      values (gen_random_uuid(), 'a:1', 'a', 1, now(), null), (gen_random_uuid(), 'a:2', 'a', 2, now(), now()),
             (gen_random_uuid(), 'a:3', 'a', 3, now() - interval '2 minutes', null)`);
    assert.deepEqual(await ready(), { status: "ready", workers: 1 });
  });

  it("is not there while live changes cannot arrive", async (t) => {
    const { deps } = anApi(await db);
    const feed = openFeed({ ...deps, waitingFor: () => Promise.resolve(null) });
    t.after(() => feed.close());
    const { app } = anApi(await db, { deps: { feed: { ...feed, alive: () => false } } });
    const answer = await answerOf(await app.request("/readyz"));
    assert.deepEqual([answer.status, answer.json.code], [503, "events.unavailable"]);
  });
});

describe("the typed client", () => {
  it("knows the paths and the answers", async (t) => {
    const db = await freshDatabase(t);
    const shop = await aBusiness(db);
    const run = await aRun(db, shop.id);
    const api = await startApi({ ...anApi(db).deps, listen: { host: "127.0.0.1", port: 0 } });
    t.after(() => api.close(0));
    const token = await signToken({ secret: SECRET, sub: "7", role: "owner", businessId: shop.id });
    const client = apiClient(api.url, token, "he");
    const answer = await client.api.outbound.runs[":run_id"].resume.$post({ param: { run_id: String(run.id) } });
    const { message, status } = await answer.json();
    assert.deepEqual([message, status satisfies string], ["הריצה חודשה. ליד אחד ממתין לשיחה.", "running"]);
    const calls = await (await client.api.outbound["recent-calls"].$get({ query: { page_size: "5" } })).json();
    assert.equal(calls.total satisfies number, 0);
  });
});
