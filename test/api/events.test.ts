// Event streams on real sockets, fed by a real LISTEN.
import assert from "node:assert/strict";
import { Agent } from "node:http";
import { after, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { eq, sql } from "drizzle-orm";
import { row } from "../../db/client.ts";
import { WATCH_CLASS, watchKey } from "../../db/locks.ts";
import { runs } from "../../db/schema.ts";
import { openFeed } from "../../src/api/feed.ts";
import { startApi } from "../../src/api/server.ts";
import { signToken } from "../../src/api/token.ts";
import { requestCancel } from "../../src/runs/cancel.ts";
import { enqueueRun } from "../../src/runs/enqueue.ts";
import { heartbeat } from "../../src/runs/leases.ts";
import { stopRun } from "../../src/runs/stop.ts";
import { until as untilSo } from "../support/until.ts";
import { anApi, SECRET } from "./harness.ts";
import { aBusiness, aLead, aRun } from "./rows.ts";
import { until, watch, type Event } from "./stream.ts";
import { freshDatabase } from "./support.ts";

const db = await freshDatabase({ after });
const listen = { host: "127.0.0.1", port: 0 };
const tokenOf = (businessId: number) => signToken({ secret: SECRET, sub: "7", role: "owner", businessId });

async function aServer(t: TestContext, feed?: Parameters<typeof openFeed>[1]) {
  const { deps, lines } = anApi(db, { queue: { enqueueRun, requestCancel, stopRun } });
  const waitingFor = deps.queue.waitingFor.bind(deps.queue);
  const fed = openFeed({ ...deps, waitingFor }, feed);
  const api = await startApi({ ...deps, feed: fed, listen });
  t.after(() => api.close(0));
  await until(() => fed.alive());
  return { ...api, feed: fed, lines };
}

const move = (id: number, values: Partial<typeof runs.$inferInsert>) =>
  db.update(runs).set(values).where(eq(runs.id, id));
const isWatched = async (id: number) =>
  (await row(
    db,
    sql`select from pg_locks
         where locktype = 'advisory' and classid = ${WATCH_CLASS} and objid = ${watchKey(id)} and granted
           and database = (select oid from pg_database where datname = current_database())`,
  )) !== undefined;
/** Of four readings a second, as a run usually is: it is read at first, and again once its notices come. */
const pastThePace = () => sleep(600);
const names = (events: Event[]) => events.map((event) => event.name);

describe("event streams", () => {
  it("begin with the state, and end with the run", async (t) => {
    const api = await aServer(t);
    const shop = await aBusiness(db);
    const token = await tokenOf(shop.id);
    const run = await aRun(db, shop.id);
    const stream = await watch(api.url, token, run.id);
    await until(() => stream.events.length === 1);
    assert.equal(stream.headers["content-type"], "text/event-stream; charset=utf-8");
    assert.equal(stream.headers["cache-control"], "no-store, no-transform");
    assert.equal(stream.headers["x-accel-buffering"], "no");
    const whole = await fetch(`${api.url}/api/outbound/runs/${run.id}`, {
      headers: { authorization: `Bearer ${token}`, "accept-language": "en" },
    });
    assert.deepEqual(stream.events[0]?.data, await whole.json());

    const time = new Date();
    const ended = { status: "completed", startedAt: time, endedAt: time, completedAt: time };
    await move(run.id, { ...ended, queuedCount: 0, completedCount: 1, cursorPosition: 1 });
    await until(() => stream.ended);
    assert.deepEqual(names(stream.events), ["progress", "progress", "end"]);
    assert.equal(stream.events[1]?.data.completed, 1);
    assert.deepEqual(stream.events[2]?.data, { run_id: run.id, status: "completed" });
    await until(() => api.feed.open() === 0);

    const late = await watch(api.url, token, run.id);
    await until(() => late.ended);
    assert.deepEqual(names(late.events), ["progress", "end"]);
  });

  it("of an ended run go on while a call of it is live", async (t) => {
    const api = await aServer(t);
    const shop = await aBusiness(db);
    const time = new Date();
    const stopped = { status: "stopped", startedAt: time, endedAt: time, completedAt: time };
    const run = await aRun(db, shop.id, { ...stopped, queuedCount: 0, inProgressCount: 1 });
    const stream = await watch(api.url, await tokenOf(shop.id), run.id);
    await until(() => stream.events.length === 1);
    assert.equal(stream.ended, false);
    await move(run.id, { inProgressCount: 0, failedCount: 1, cursorPosition: 1 });
    await until(() => stream.ended);
    assert.deepEqual(names(stream.events), ["progress", "progress", "end"]);
  });

  it("carry what happened through another server within 300 ms", async (t) => {
    const [one, two] = [await aServer(t), await aServer(t)];
    const shop = await aBusiness(db);
    const token = await tokenOf(shop.id);
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const post = (path: string, body: object) =>
      fetch(`${one.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    const stop = async (phoneE164: string) => {
      const lead = await aLead(db, shop.id, { phoneE164 });
      const { run_id } = (await (await post("/api/outbound/bulk-enqueue", { lead_ids: [lead.id] })).json()) as {
        run_id: number;
      };
      const stream = await watch(two.url, token, run_id);
      await until(() => stream.events.length === 1);
      await pastThePace();
      assert.equal((await post(`/api/outbound/stop-queue`, { run_id })).status, 200);
      const answered = performance.now();
      await until(() => stream.ended);
      const [, stopped] = stream.events;
      assert.equal(stopped?.data.status, "stopped");
      return stopped.at - answered;
    };
    const tookMs: number[] = [];
    for (const last of [1, 2, 3, 4, 5]) tookMs.push(await stop(`+97250123456${last}`));
    // The median: a busy machine may hold up one of them.
    assert.ok(tookMs.toSorted((a, b) => a - b)[2]! < 300, `${tookMs.map(Math.round).join(", ")} ms`);
  });

  it("tell at most four changes a second, and always the last", async (t) => {
    const api = await aServer(t);
    const shop = await aBusiness(db);
    const run = await aRun(db, shop.id, { totalLeads: 100, queuedCount: 100 });
    const stream = await watch(api.url, await tokenOf(shop.id), run.id);
    await until(() => stream.events.length === 1);
    const began = performance.now();
    for (let n = 1; n <= 60; n++) {
      await move(run.id, { queuedCount: 100 - n, completedCount: n, cursorPosition: n });
      await sleep(10);
    }
    await until(() => stream.events.at(-1)?.data.completed === 60);
    const most = 2 + Math.ceil((performance.now() - began) / 250);
    assert.ok(stream.events.length <= most, `${stream.events.length} events, at most ${most}`);
  });

  it("say nothing when a worker only renews its lock", async (t) => {
    const api = await aServer(t);
    const shop = await aBusiness(db);
    const worker = { id: crypto.randomUUID(), name: "host:1", host: "host", pid: 1 };
    const run = await aRun(db, shop.id, { status: "running", startedAt: new Date(), workerId: worker.id });
    const notices: string[] = [];
    const client = await db.$client.connect();
    t.after(() => client.release(true));
    client.on("notification", ({ payload }) => notices.push(payload ?? ""));
    await client.query("listen outbound_runs");
    const stream = await watch(api.url, await tokenOf(shop.id), run.id);
    await until(() => stream.events.length === 1);
    // Notices are sent only of runs that somebody watches, which a lock says.
    await untilSo(() => isWatched(run.id), "the run is watched");
    await heartbeat(db, worker, [], { runTtlMs: 300_000 });
    const [renewed] = await db.select().from(runs).where(eq(runs.id, run.id));
    assert.ok(renewed?.lockTs, "the heartbeat has renewed the lock");
    await move(run.id, { cancelRequested: true });
    await until(() => stream.events.length === 2);
    // Ours is another connection than the stream's: it may hear of it later.
    await until(() => notices.length > 0);
    assert.deepEqual(notices, [`${run.id}:${shop.id}`]);
    assert.equal(stream.events[1]?.data.cancel_requested, true);
  });

  it("resume where the client left off", async (t) => {
    const api = await aServer(t);
    const shop = await aBusiness(db);
    const token = await tokenOf(shop.id);
    const run = await aRun(db, shop.id);
    const first = await watch(api.url, token, run.id);
    await until(() => first.events.length === 1);
    first.leave();
    await until(() => api.feed.open() === 0);
    const again = await watch(api.url, token, run.id, { "last-event-id": first.events[0]!.id });
    await move(run.id, { cancelRequested: true });
    await until(() => again.events.length > 0);
    assert.equal(again.events[0]?.data.cancel_requested, true, "the state that the client had is not sent again");
    const missed = await watch(api.url, token, run.id, { "last-event-id": first.events[0]!.id });
    await until(() => missed.events.length === 1);
    const odd = await watch(api.url, token, run.id, { "last-event-id": "x'; drop table" });
    await until(() => odd.events.length === 1);
  });

  it("give a sign of life, and tell what the run waits for when that changes", async (t) => {
    const api = await aServer(t, { beatMs: 60 });
    const shop = await aBusiness(db);
    const run = await aRun(db, shop.id);
    const stream = await watch(api.url, await tokenOf(shop.id), run.id);
    await until(() => stream.events.length === 1);
    const before = stream.comments;
    await until(() => stream.comments >= before + 2);
    assert.equal(stream.events.length, 1);
  });

  it("come back after the listening connection was cut, and tell what was missed", async (t) => {
    const api = await aServer(t);
    const shop = await aBusiness(db);
    const run = await aRun(db, shop.id);
    const stream = await watch(api.url, await tokenOf(shop.id), run.id);
    await until(() => stream.events.length === 1);
    await pastThePace(); // else the second reading would tell of the change, and no new connection
    await db.execute(sql`
      select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name like 'ringpost listening%'`);
    await until(() => !api.feed.alive());
    await move(run.id, { cancelRequested: true });
    await until(() => stream.events.length === 2);
    await until(() => api.feed.alive());
    assert.ok(api.lines.some((line) => line.message.includes("listening connection was lost")));
  });

  it("are limited per business and per process, and free their place", async (t) => {
    const api = await aServer(t, { caps: { perProcess: 3, perBusiness: 2 } });
    const [mine, other] = [await aBusiness(db), await aBusiness(db)];
    const [run, theirs] = [await aRun(db, mine.id), await aRun(db, other.id)];
    const [token, foreign] = [await tokenOf(mine.id), await tokenOf(other.id)];
    const open = [await watch(api.url, token, run.id), await watch(api.url, token, run.id)];
    const third = await watch(api.url, token, run.id);
    await until(() => third.ended);
    assert.deepEqual(
      [third.status, JSON.parse(third.text).code, third.headers["retry-after"]],
      [429, "events.too_many", "10"],
    );
    assert.equal((await watch(api.url, foreign, theirs.id)).status, 200);
    const full = await watch(api.url, foreign, theirs.id);
    await until(() => full.ended);
    assert.deepEqual([full.status, JSON.parse(full.text).code], [503, "events.unavailable"]);
    open[0]?.leave();
    await until(() => api.feed.open() === 2);
    assert.equal((await watch(api.url, token, run.id)).status, 200);
    assert.equal((await watch(api.url, foreign, run.id)).status, 404);
  });

  it("leave no place taken behind, however a client goes", async (t) => {
    const api = await aServer(t);
    const shop = await aBusiness(db);
    const token = await tokenOf(shop.id);
    const run = await aRun(db, shop.id);
    const url = `${api.url}/api/outbound/runs/${run.id}/events`;
    const headers = { authorization: `Bearer ${token}` };
    assert.equal((await fetch(url, { method: "HEAD", headers })).status, 200);
    const gone = Array.from({ length: 40 }, async (_, n) => {
      await fetch(url, { headers, signal: AbortSignal.timeout(n) }).then(
        (r) => r.body?.cancel(),
        () => {},
      );
    });
    await Promise.all(gone);
    await sleep(50);
    await until(() => api.feed.open() === 0);
  });

  it("end with the token that opened them", async (t) => {
    const api = await aServer(t, { beatMs: 20 });
    const shop = await aBusiness(db);
    const run = await aRun(db, shop.id);
    const seconds = 2;
    const token = await signToken({
      secret: SECRET,
      sub: "7",
      role: "owner",
      businessId: shop.id,
      hours: seconds / 3_600,
    });
    const stream = await watch(api.url, token, run.id);
    const patient = await watch(api.url, await tokenOf(shop.id), run.id);
    await until(() => stream.ended);
    assert.equal(patient.ended, false);
    await until(() => api.feed.open() === 1);
    patient.leave();
  });

  it("end when the server closes, without waiting for the clients", async (t) => {
    const api = await aServer(t);
    const shop = await aBusiness(db);
    const run = await aRun(db, shop.id);
    const stream = await watch(api.url, await tokenOf(shop.id), run.id);
    await until(() => stream.events.length === 1);
    const began = performance.now();
    await api.close(10_000);
    assert.ok(performance.now() - began < 5_000, "nobody waited for the ten seconds");
    await until(() => stream.ended);
    assert.deepEqual(names(stream.events), ["progress"]);
  });

  it("serve 500 clients of one process", async (t) => {
    const api = await aServer(t);
    const agent = new Agent({ maxSockets: Infinity });
    t.after(() => agent.destroy());
    const clients: Awaited<ReturnType<typeof watch>>[] = [];
    const watched: number[] = [];
    for (let shop = 0; shop < 5; shop++) {
      const { id } = await aBusiness(db);
      const token = await tokenOf(id);
      const run = await aRun(db, id);
      watched.push(run.id);
      const watching = Array.from({ length: 100 }, () => watch(api.url, token, run.id, {}, agent));
      clients.push(...(await Promise.all(watching)));
    }
    await until(() => clients.every((client) => client.events.length === 1), 20_000);
    assert.equal(api.feed.open(), 500);
    await pastThePace();
    const began = performance.now();
    for (const id of watched) await move(id, { cancelRequested: true });
    await until(() => clients.every((client) => client.events.length === 2), 20_000);
    t.diagnostic(`500 clients were told within ${Math.round(performance.now() - began)} ms`);
    for (const client of clients) client.leave();
    await until(() => api.feed.open() === 0);
  });
});
