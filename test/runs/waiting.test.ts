// "Why is nothing dialling?": what a run is said to wait for, above all where several things are in the way at once.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { row, rows } from "../../db/client.ts";
import { inTransaction } from "../../db/transaction.ts";
import { callerKey, pauseAccount } from "../../src/dialling/pause.ts";
import { ambiguous } from "../../src/runs/ambiguous.ts";
import { beginAttempt } from "../../src/runs/begin.ts";
import type { Claim } from "../../src/runs/claim.ts";
import { dialClaim } from "../../src/runs/dial.ts";
import { dispatchOnce } from "../../src/runs/dispatch.ts";
import { applyNews } from "../../src/runs/news.ts";
import { waitingFor } from "../../src/runs/waiting.ts";
import { until } from "../support/until.ts";
import { world, type World } from "../support/world.ts";
import type { Business } from "../support/world.ts";

const why = (w: World, business: Business, runId: number) =>
  waitingFor(w.door(business), runId, { limits: w.limits, accountSid: w.carrier.accountSid, callerId: undefined });

/** One worker's sign of life. */
const alive = (w: World, secondsAgo = 0) =>
  w.db.execute(sql`
    insert into outbound_workers (id, name, host, pid, heartbeat_at)
    values ('00000000-0000-4000-8000-000000000001', 'a:1', 'a', 1, now() - make_interval(secs => ${secondsAgo}))
    on conflict (id) do update set heartbeat_at = excluded.heartbeat_at`);

async function claimed(w: World, leads: number, limit: number) {
  const business = await w.business({ limit });
  const { runId } = await w.enqueue(business, await w.leads(business, leads), { concurrency: 10 });
  const { claims } = await dispatchOnce(w.engine(), business.id);
  for (const claim of claims) assert.equal(await beginAttempt(w.db, claim), "begun");
  const unanswered = (claim: Claim) => inTransaction(w.db, (tx) => ambiguous(tx, claim, "no answer"));
  const answered = (claim: Claim) =>
    applyNews(w.db, {
      token: claim.token,
      sid: `CA${claim.jobId}`,
      status: "ringing",
      durationSeconds: null,
      from: "callback",
    });
  return { business, runId, claims, unanswered, answered, why: () => why(w, business, runId) };
}

describe("what a run waits for", () => {
  it("is a worker, also when only its last call has no answer yet and none lives", async (t) => {
    const w = await world(t);
    const { why, claims, answered } = await claimed(w, 1, 3);
    assert.deepEqual(await why(), { reason: "worker", last_heartbeat: null });
    await alive(w);
    assert.equal(await why(), null, "its POST is under way");
    await alive(w, 3_600);
    assert.equal((await why())?.reason, "worker");
    // From here on callbacks end it, without a worker.
    await answered(claims[0]!);
    assert.equal(await why(), null);
  });

  it("is the carrier's word, for the calls of which it has not said what became of them", async (t) => {
    const w = await world(t);
    await alive(w);
    const { why, claims, unanswered, answered } = await claimed(w, 2, 3);
    await answered(claims[0]!);
    await unanswered(claims[1]!);
    const found = await why();
    assert.ok(found?.reason === "outcome_unknown" && found.since);
    assert.equal(found.calls, 1);
    assert.ok(Math.abs(Date.now() - Date.parse(found.since)) < 60_000);
  });

  it("is that too for a POST whose time is long over, and nobody has said anything of it", async (t) => {
    const w = await world(t);
    await alive(w);
    const { why } = await claimed(w, 1, 3);
    assert.equal(await why(), null);
    await w.db.execute(sql`update outbound_call_attempts set begun_at = begun_at - interval '10 minutes'`);
    assert.equal((await why())?.reason, "outcome_unknown");
  });

  it("is the lines, and that they are taken by calls of which nobody knows only where all are", async (t) => {
    const w = await world(t);
    await alive(w);
    const { runId, why, claims, unanswered } = await claimed(w, 5, 2);
    const lines = { reason: "slot", limit: 2, runs: [{ run_id: runId, calls: 2 }] };
    assert.deepEqual(await why(), lines);
    await unanswered(claims[0]!);
    assert.deepEqual(await why(), lines);
    await unanswered(claims[1]!);
    const found = await why();
    assert.ok(found?.reason === "outcome_unknown");
    assert.equal(found.calls, 2);
  });

  it("is the paused account until its time; then a call that tries, and a line for that", async (t) => {
    const w = await world(t);
    await alive(w);
    const { why, claims, unanswered } = await claimed(w, 5, 2);
    await pauseAccount(w.db, w.carrier.accountSid, { kind: "carrier", code: "unreachable", message: "gone" });
    const paused = await why();
    assert.ok(paused?.reason === "carrier" && paused.until !== null);
    assert.ok(Date.parse(paused.until) > Date.now());
    await w.db.execute(sql`update outbound_carrier_accounts set paused_until = clock_timestamp()`);
    assert.equal((await why())?.reason, "slot");
    for (const claim of claims) await unanswered(claim);
    assert.equal((await why())?.reason, "outcome_unknown");
    await w.db.execute(sql`delete from outbound_call_slots`);
    assert.deepEqual(await why(), { reason: "carrier", code: "unreachable", detail: null, until: null });
  });
});

describe("a carrier that says it fails", () => {
  it("pauses the account after five in a row, whoever's, and is tried less and less often", async (t) => {
    const w = await world(t);
    const businesses = [await w.business(), await w.business(), await w.business()];
    await w.carrier.setFaults([{ on: "create", kind: "error", status: 503 }]);
    await w.worker();
    for (const business of businesses) await w.enqueue(business, await w.leads(business, 10));
    const paused = () =>
      row<{ kind: string; code: string; count: number }>(
        w.db,
        sql`select pause_kind as kind, pause_code as code, pause_count as count from outbound_carrier_accounts where pause_kind is not null`,
      );
    await until(async () => (await paused()) !== undefined, "a pause");
    const { kind, code } = (await paused())!;
    assert.deepEqual([kind, code], ["carrier", "20503"]);
    // Those that were on their way already were refused too; from now on it is a call at a time.
    await until(
      async () =>
        (await rows(w.db, sql`select 1 from outbound_call_attempts where closed_at is null and result is null`))
          .length === 0,
      "all those answered",
    );
    const tried = (await w.carrier.report()).totalCreates;
    // Somebody whose lines are all free.
    const other = await w.business();
    await w.enqueue(other, await w.leads(other, 10));
    const { count } = (await paused())!;
    await w.db.execute(sql`update outbound_carrier_accounts set paused_until = clock_timestamp()`);
    await until(async () => ((await paused())?.count ?? 0) > count, "the probe failed too");
    assert.ok((await w.carrier.report()).totalCreates <= tried + 1);
  });

  for (const [what, fault] of [
    ["no answer", { kind: "hang" }],
    ["a fault", { kind: "error", status: 500 }],
  ] as const)
    it(`is tried half as often after a probe with ${what}`, async (t) => {
      const w = await world(t, { limits: { postTimeoutMs: 300 } });
      const business = await w.business();
      await w.carrier.setFaults([{ on: "create", ...fault }]);
      await pauseAccount(w.db, w.carrier.accountSid, { kind: "carrier", code: "unreachable", message: "gone" });
      await w.db.execute(sql`update outbound_carrier_accounts set paused_until = clock_timestamp()`);
      await w.worker();
      await w.enqueue(business, await w.leads(business, 5));
      await until(async () => {
        const pause = await row<{ count: number; seconds: number }>(
          w.db,
          sql`select pause_count as count, extract(epoch from paused_until - updated_at)::float8 as seconds from outbound_carrier_accounts`,
        );
        return pause?.count === 2 && Math.round(pause.seconds) === 10;
      }, "ten seconds instead of five");
      assert.equal((await w.carrier.report()).totalCreates, 1);
    });

  for (const code of [undefined, "http_500"])
    it(`is tried half as often with a caller id that it refused, after ${code ?? "no answer"}`, async (t) => {
      const w = await world(t);
      const business = await w.business();
      await w.enqueue(business, await w.leads(business, 5));
      const engine = w.engine();
      const key = callerKey(w.carrier.accountSid, business.from);
      await pauseAccount(w.db, key, { kind: "configuration", code: "21210", message: "not yours" });
      await w.db.execute(sql`update outbound_carrier_accounts set paused_until = clock_timestamp()`);
      const [claim] = (await dispatchOnce(engine, business.id)).claims;
      const dial = () => Promise.resolve({ kind: "ambiguous" as const, message: "none", ...(code && { code }) });
      await dialClaim({ ...engine, dialler: { ...engine.dialler, dial } }, claim!, 0);
      const pause = await row<{ count: number }>(
        w.db,
        sql`select pause_count as count from outbound_carrier_accounts where account_sid = ${key}`,
      );
      assert.equal(pause?.count, 2);
    });

  for (const [what, answer] of [
    ["a fault", { kind: "ambiguous", message: "HTTP 502", code: "http_502" }],
    ["a refusal", { kind: "rejected", code: "http_409", message: "conflict", known: false }],
    ["no answer", { kind: "ambiguous", message: "time is up" }],
  ] as const)
    it(`pauses nothing with ${what} for calls that are known to be made, and ends a pause`, async (t) => {
      const w = await world(t);
      const business = await w.business({ limit: 10 });
      await w.enqueue(business, await w.leads(business, 8), { concurrency: 10 });
      const engine = w.engine();
      const { claims } = await dispatchOnce(engine, business.id);
      assert.equal(claims.length, 8);
      await pauseAccount(w.db, w.carrier.accountSid, { kind: "carrier", code: "unreachable", message: "gone" });
      for (const { jobId, ...claim } of claims) {
        const dial = async () => {
          const news = { sid: `CA${jobId}`, status: "ringing", durationSeconds: null, from: "callback" as const };
          assert.equal(await applyNews(w.db, { token: claim.token, ...news }), "applied");
          return answer;
        };
        await dialClaim({ ...engine, dialler: { ...engine.dialler, dial } }, { jobId, ...claim }, 0);
      }
      const accounts = await rows(
        w.db,
        sql`select pause_kind as kind, unknown_errors as n from outbound_carrier_accounts`,
      );
      assert.deepEqual(accounts, [{ kind: null, n: 0 }]);
    });
});
