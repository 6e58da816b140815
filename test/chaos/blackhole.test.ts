// The network to Postgres swallows everything without closing a connection, as when the machine behind it is gone: TCP
// would notice after a quarter of an hour.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { openDatabase, row, type Tx } from "../../db/client.ts";
import { inTransaction, inTwoTrips } from "../../db/transaction.ts";
import { until } from "../support/until.ts";
import { world } from "../support/world.ts";

/** Forwards connections; those open when `swallow` is called go silent for ever, later ones work. */
async function proxyTo(t: TestContext, target: URL) {
  const pairs: [Socket, Socket][] = [];
  const server = createServer((inner) => {
    const outer = connect(Number(target.port), target.hostname);
    for (const socket of [inner, outer]) socket.on("error", () => {});
    inner.pipe(outer);
    outer.pipe(inner);
    pairs.push([inner, outer]);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    for (const socket of pairs.splice(0).flat()) socket.destroy();
  };
  t.after(() => {
    cut();
    server.close();
  });
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    /** Ends them all, as TCP would at last. */
    cut,
    swallow: () => {
      for (const [inner, outer] of pairs) {
        inner.unpipe(outer);
        outer.unpipe(inner);
        inner.resume();
        outer.resume();
      }
    },
  };
}

it("a worker's heartbeat returns within its lease, over a new connection", async (t) => {
  const limits = { heartbeatMs: 200, adoptAfterMs: 1_000 };
  const w = await world(t, { limits });
  const proxy = await proxyTo(t, new URL(w.url));
  const worker = await w.worker({ databaseUrl: proxy.url });
  const lastBeat = async () =>
    (
      await row<{ at: string }>(
        w.db,
        sql`select heartbeat_at::text as at from outbound_workers where id = ${worker.identity.id}::uuid`,
      )
    )?.at;
  proxy.swallow();
  const before = await lastBeat();
  const since = performance.now();
  await until(async () => (await lastBeat()) !== before, "another heartbeat");
  const ms = performance.now() - since;
  t.diagnostic(`the heartbeat was back after ${Math.round(ms)} ms`);
  assert.ok(ms < 5_000);
  proxy.cut();
});

it("a statement without an answer fails, and the next one has a connection that works", async (t) => {
  const w = await world(t);
  const proxy = await proxyTo(t, new URL(w.url));
  const db = openDatabase({ url: proxy.url, name: "behind the proxy", max: 1, answerWithinMs: 500 });
  t.after(() => db.$client.end());
  await db.execute(sql`select 1`);
  await db.execute(sql`select pg_sleep(0.1)`);
  proxy.swallow();
  await assert.rejects(db.execute(sql`select 1`), (error: Error) => /no answer for 500 ms/.test(String(error.cause)));
  await db.execute(sql`select 1`);
});

it("a connection that has idled longer than that is broken all the same", async (t) => {
  const w = await world(t);
  const proxy = await proxyTo(t, new URL(w.url));
  const db = openDatabase({ url: proxy.url, name: "behind the proxy", max: 1, answerWithinMs: 300 });
  t.after(() => db.$client.end());
  const pid = async () => (await row<{ pid: number }>(db, sql`select pg_backend_pid() as pid`))?.pid;
  const before = await pid();
  await sleep(700);
  assert.equal(await pid(), before, "idle, it may be silent");
  await sleep(700);
  proxy.swallow();
  const asked = pid();
  const tooLate = sleep(5_000).then(() => "still waiting");
  await assert.rejects(Promise.race([asked, tooLate.then((said) => assert.fail(said))]), (error: Error) =>
    /no answer for 300 ms/.test(String(error.cause)),
  );
  assert.notEqual(await pid(), before);
});

it("a transaction whose BEGIN gets no answer gives its connection back", async (t) => {
  const w = await world(t);
  const proxy = await proxyTo(t, new URL(w.url));
  const db = openDatabase({ url: proxy.url, name: "behind the proxy", max: 1, answerWithinMs: 500 });
  t.after(() => db.$client.end());
  const one = () => inTransaction(db, async (tx) => (await row<{ n: number }>(tx, sql`select 1 as n`))?.n);
  assert.equal(await one(), 1);
  proxy.swallow();
  await assert.rejects(one(), (error: Error) => /no answer for 500 ms/.test(`${error.message} ${String(error.cause)}`));
  assert.equal(await one(), 1);
  // With reads that have been sent behind it, too.
  const two = () => inTwoTrips(db, "select 1", asked, async (_, n) => ({ sent: Promise.resolve(n) }));
  const asked = async (tx: Tx) => (await row<{ n: number }>(tx, sql`select 2 as n`))?.n;
  assert.equal(await two(), 2);
  proxy.swallow();
  await assert.rejects(two(), /no answer for 500 ms/);
  assert.equal(await two(), 2);
  // What the work throws is no fault of the connection: it goes on with the same.
  const pid = () =>
    inTransaction(db, async (tx) => (await row<{ pid: number }>(tx, sql`select pg_backend_pid() as pid`))?.pid);
  const before = await pid();
  await assert.rejects(
    inTransaction(db, () => Promise.reject(new Error("not today"))),
    /not today/,
  );
  assert.equal(await pid(), before);
});
