// What becomes of a lead for each way in which the carrier can answer, or not answer, its POST.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { row, rows } from "../../db/client.ts";
import { inTransaction } from "../../db/transaction.ts";
import type { Fault } from "../../src/dev/twilio/faults.ts";
import { twilioDialler } from "../../src/dialling/twilio.ts";
import type { Claim } from "../../src/runs/claim.ts";
import { dialClaim } from "../../src/runs/dial.ts";
import { dispatchOnce } from "../../src/runs/dispatch.ts";
import { applyNews } from "../../src/runs/news.ts";
import { waitingFor } from "../../src/runs/waiting.ts";
import { until } from "../support/until.ts";
import { assertInvariants, world, type World } from "../support/world.ts";

const pauseOf = (w: World) =>
  row<{ kind: string | null; code: string | null }>(
    w.db,
    sql`select pause_kind as kind, pause_code as code from outbound_carrier_accounts`,
  );

/** As if the pause had lasted its time; the next maintenance tick looks. */
const pauseIsOver = (w: World) =>
  w.db.execute(sql`update outbound_carrier_accounts set paused_until = clock_timestamp() where pause_kind is not null`);

const createsOf = async (w: World, to: string) =>
  (await w.carrier.events()).filter((event) => event.kind === "create.arrived" && event.to === to).length;

describe("a refused call", () => {
  it("goes on if its call is known: something on the way has sent the POST twice", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 1 });
    const { runId } = await w.enqueue(business, await w.leads(business, 2));
    const engine = w.engine();
    const { claims } = await dispatchOnce(engine, business.id);
    const [{ token }] = claims as [Claim];
    const news = (status: string) =>
      applyNews(w.db, { token, sid: "CA1", status, durationSeconds: 1, from: "callback" as const });
    const dialler = {
      ...engine.dialler,
      dial: async () => {
        assert.equal(await news("ringing"), "applied");
        return { kind: "rejected" as const, code: "http_409", message: "conflict", known: false };
      },
    };
    await dialClaim({ ...engine, dialler }, claims[0]!, 0);
    const [job] = await w.jobs(runId);
    assert.deepEqual([job!.status, job!.sid], ["calling", "CA1"]);
    assert.equal((await dispatchOnce(engine, business.id)).claims.length, 0, "its slot is taken");
    await assertInvariants(w);
    assert.equal(await news("completed"), "applied");
    assert.equal((await w.jobs(runId))[0]!.status, "completed");
    await assertInvariants(w);
  });

  it("fails its lead with the code, for its number or by policy, and the others are called", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const leads = await w.leads(business, 6);
    const numbers = await w.numbersOf(leads);
    const codes = [21211, 21214, 13224, 21215, 21216];
    await w.carrier.setFaults(
      codes.map((code, n): Fault => ({
        on: "create",
        kind: "error",
        status: 400,
        code,
        message: `no ${code}`,
        to: numbers[n]!,
      })),
    );
    await w.worker();
    const { runId } = await w.enqueue(business, leads);
    const run = await w.untilRun(runId, "completed");
    assert.deepEqual([run.failed, run.completed, run.cursor], [5, 1, 6]);
    const jobs = await w.jobs(runId);
    for (const [n, code] of codes.entries()) {
      const { status, outcome, errorCode, errorMessage, sid, callLogId, attempts } = jobs[n]!;
      assert.deepEqual(
        { status, outcome, errorCode, errorMessage, sid, callLogId, attempts },
        {
          status: "failed",
          outcome: "rejected",
          errorCode: String(code),
          errorMessage: `no ${code}`,
          sid: null,
          callLogId: null,
          attempts: 1,
        },
      );
    }
    assert.equal((await pauseOf(w))?.kind ?? null, null);
    assert.equal((await w.carrier.report()).totalCreates, 6);
    await assertInvariants(w);
  });

  it("five unknown refusals in a row pause the account; a probe that succeeds ends the pause", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 1 });
    await w.carrier.setFaults([{ on: "create", kind: "error", status: 400, code: 29999 }]);
    await w.worker();
    const { runId } = await w.enqueue(business, await w.leads(business, 8));
    await until(async () => (await pauseOf(w))?.kind === "carrier", "a paused account");
    assert.equal((await pauseOf(w))?.code, "29999");
    await w.untilRun(runId, (run) => run.failed === 5 && run.inProgress === 0);
    await w.carrier.setFaults([]);
    await pauseIsOver(w);
    const run = await w.untilRun(runId, "completed");
    assert.deepEqual([run.failed, run.completed], [5, 3]);
    assert.equal((await pauseOf(w))?.kind, null);
    await assertInvariants(w);
  });

  it("the fifth keeps its slot until the pause is known, so that no sixth lead is burned", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 1 });
    await w.carrier.setFaults([{ on: "create", kind: "error", status: 400, code: 29999 }]);
    await w.worker();
    const { runId } = await w.enqueue(business, await w.leads(business, 8));
    const hold = await w.carrier.holdCreates();
    await w.db.execute(sql`
      insert into outbound_carrier_accounts (account_sid, unknown_errors) values (${w.carrier.accountSid}, 4)
      on conflict (account_sid) do update set unknown_errors = 4`);
    await hold.reached(1);
    const before = await w.run(runId);
    await inTransaction(w.db, async (tx) => {
      await tx.execute(sql`select 1 from outbound_carrier_accounts for update`);
      await hold.release();
      await w.untilBlocked(1);
      assert.equal((await w.run(runId)).inProgress, 1);
    });
    await until(async () => (await pauseOf(w))?.kind === "carrier", "a paused account");
    await w.untilRun(runId, (run) => run.inProgress === 0);
    assert.equal((await w.run(runId)).failed, before.failed + 1);
    await assertInvariants(w);
  });

  it("21210 pauses the business whose caller id it is, and nobody else waits or hears of it", async (t) => {
    const w = await world(t);
    const [bad, good] = [await w.business(), await w.business()];
    await w.carrier.setFaults([{ on: "create", kind: "error", status: 400, code: 21210, from: bad.from }]);
    await w.worker();
    const { runId } = await w.enqueue(bad, await w.leads(bad, 5));
    const facts = { limits: w.limits, accountSid: w.carrier.accountSid, callerId: undefined };
    await until(async () => (await waitingFor(w.door(bad), runId, facts))?.reason === "configuration", "a reason");
    const { runId: other } = await w.enqueue(good, await w.leads(good, 5));
    assert.equal((await w.untilRun(other, "completed")).completed, 5);
    const { queued, inProgress } = await w.run(runId);
    assert.equal(queued + inProgress, 5, "nobody is burned");
    await w.carrier.setFaults([]);
    await w.db.execute(sql`update outbound_carrier_accounts set paused_until = clock_timestamp()`);
    assert.equal((await w.untilRun(runId, "completed")).completed, 5);
    await assertInvariants(w);
  });

  it("21205 for a voice URL of the business's own pauses that business, and nobody else waits or hears of it", async (t) => {
    const w = await world(t);
    const [bad, good] = [await w.business(), await w.business()];
    await w.carrier.setFaults([{ on: "create", kind: "error", status: 400, code: 21205, from: bad.from }]);
    await w.db.execute(sql`
      insert into outbound_business_settings (business_id, voice_url) values (${bad.id}, 'http://voice.example.test/')
      on conflict (business_id) do update set voice_url = excluded.voice_url`);
    await w.worker();
    const { runId } = await w.enqueue(bad, await w.leads(bad, 5));
    const facts = { limits: w.limits, accountSid: w.carrier.accountSid, callerId: undefined };
    const waits = async () => {
      const why = await waitingFor(w.door(bad), runId, facts);
      return why?.reason === "configuration" ? why : undefined;
    };
    await until(async () => (await waits()) !== undefined, "a reason");
    assert.equal((await waits())?.code, "carrier.configuration");
    const { runId: other } = await w.enqueue(good, await w.leads(good, 5));
    assert.equal((await w.untilRun(other, "completed")).completed, 5);
    const { queued, inProgress } = await w.run(runId);
    assert.equal(queued + inProgress, 5, "nobody is burned");
    assert.ok(await waits(), "the other's success is not its own");
    await w.carrier.setFaults([]);
    await pauseIsOver(w);
    assert.equal((await w.untilRun(runId, "completed")).completed, 5);
    assert.deepEqual(await rows(w.db, sql`select 1 from outbound_carrier_accounts where pause_kind is not null`), []);
    await assertInvariants(w);
  });

  for (const [status, code, kind] of [
    [400, 21205, "configuration"],
    [401, 20003, "carrier"],
  ] as const) {
    it(`${code} pauses the account (${kind}), burns nobody, and the run goes on when it is lifted`, async (t) => {
      const w = await world(t);
      const [business, other] = [await w.business(), await w.business()];
      await w.carrier.setFaults([{ on: "create", kind: "error", status, code }]);
      await w.worker();
      const { runId } = await w.enqueue(business, await w.leads(business, 10));
      await until(async () => (await pauseOf(w))?.kind === kind, "a paused account");
      await w.untilRun(runId, (run) => run.inProgress === 0);
      const paused = await w.run(runId);
      assert.deepEqual([paused.status, paused.queued, paused.failed], ["running", 10, 0]);
      const { runId: second } = await w.enqueue(other, await w.leads(other, 3));
      const asked = (await w.carrier.report()).totalCreates;
      assert.ok(asked <= 3, `${asked} POSTs before the pause`);
      // One probe, which fails: still paused, still nobody burned.
      await pauseIsOver(w);
      await w.carrier.waitFor((report) => report.totalCreates === asked + 1);
      await until(async () => (await rows(w.db, sql`select 1 from outbound_call_slots`)).length === 0, "no slot taken");
      assert.equal((await w.run(second)).failed, 0);
      await assertInvariants(w);

      await w.carrier.setFaults([]);
      await pauseIsOver(w);
      assert.equal((await w.untilRun(runId, "completed")).completed, 10);
      assert.equal((await w.untilRun(second, "completed")).completed, 3);
      assert.equal((await pauseOf(w))?.kind, null);
      await assertInvariants(w);
    });
  }

  it("429: the job goes back, the account rests, and everybody is called once", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 2 });
    await w.carrier.setFaults([{ on: "create", kind: "error", status: 429, times: 2 }]);
    await w.worker();
    const { runId } = await w.enqueue(business, await w.leads(business, 8));
    const run = await w.untilRun(runId, "completed");
    assert.deepEqual([run.completed, run.failed], [8, 0]);
    const { totalCreates, accepted } = await w.carrier.report();
    assert.deepEqual([totalCreates, accepted], [10, 8]);
    const results = await rows(
      w.db,
      sql`select result, count(*)::int as n from outbound_call_attempts group by 1 order by 1`,
    );
    assert.deepEqual(results, [
      { result: "placed", n: 8 },
      { result: "throttled", n: 2 },
    ]);
    await assertInvariants(w);
  });

  it("ten refusals at once are one: the account rests as long as after the first", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 10 });
    const hold = await w.carrier.holdCreates();
    await w.carrier.setFaults([{ on: "create", kind: "error", status: 429, times: 10 }]);
    await w.worker();
    const { runId } = await w.enqueue(business, await w.leads(business, 12), { concurrency: 10 });
    await hold.reached(10);
    // The probe after the rest waits too: answered, it would end the pause before we have looked.
    const probe = await w.carrier.holdCreates();
    t.after(() => probe.release());
    await hold.release();
    await probe.reached(1);
    await w.untilRun(runId, (run) => run.inProgress === 1 && run.queued === 11);
    const pause = await row<{ n: number }>(w.db, sql`select pause_count as n from outbound_carrier_accounts`);
    assert.equal(pause?.n, 1);
    await probe.release();
    assert.equal((await w.untilRun(runId, "completed")).completed, 12);
    await assertInvariants(w);
  });

  it("a carrier that cannot be reached pauses the account and burns nobody", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const { accountSid, authToken } = w.carrier;
    const away = twilioDialler({ accountSid, authToken, apiUrl: "http://127.0.0.1:1", timeoutMs: 1_000 });
    const cutOff = await w.worker({ dialler: away });
    const { runId } = await w.enqueue(business, await w.leads(business, 4));
    await until(async () => (await pauseOf(w))?.code === "unreachable", "a paused account");
    await w.untilRun(runId, (run) => run.inProgress === 0 && run.queued === 4);
    await cutOff.stop(500);
    await w.worker();
    await pauseIsOver(w);
    assert.equal((await w.untilRun(runId, "completed")).completed, 4);
    await assertInvariants(w);
  });
});

describe("a call with an unknown outcome", () => {
  const LOST: Record<string, Omit<Extract<Fault, { on: "create" | "fetch" | "list" | "update" }>, "on">> = {
    "HTTP 500": { kind: "error", status: 500 },
    "HTTP 503 with a code": { kind: "error", status: 503, code: 20503 },
    "HTTP 500 though the call was made": { kind: "error", status: 500, at: "after" },
    "no answer": { kind: "hang" },
    "no answer though the call was made": { kind: "hang", at: "after" },
    "a reset": { kind: "reset" },
    "a reset though the call was made": { kind: "reset", at: "after" },
    "an answer without a SID": { kind: "no-sid" },
    "a page instead of an answer": { kind: "html" },
  };

  it("keeps its slot as dialing, is never POSTed again, and fails nobody", async (t) => {
    const kinds = Object.entries(LOST);
    const w = await world(t, { limits: { postTimeoutMs: 500 } });
    const business = await w.business({ limit: kinds.length + 1 });
    const leads = await w.leads(business, kinds.length + 10);
    const numbers = await w.numbersOf(leads);
    await w.carrier.setFaults([
      ...kinds.map(([, fault], n): Fault => ({ on: "create", ...fault, to: numbers[n]! })),
      ...kinds.map((_, n): Fault => ({ on: "callback", kind: "drop", to: numbers[n]! })),
      // Reconcile looks, and is not told.
      { on: "listing", kind: "lag", ms: 3_600_000 },
    ]);
    await w.worker();
    const { runId } = await w.enqueue(business, leads, { concurrency: 10 });
    await w.untilRun(runId, (run) => run.completed === 10);
    // (Of the others too, where a busy machine was slow to answer; their callbacks have told what became of them.)
    await until(async () => {
      const unsettled = await rows(
        w.db,
        sql`select 1 from outbound_call_attempts
             where result = 'ambiguous' and to_number = any (${sql.param(numbers.slice(0, kinds.length))}::text[])`,
      );
      return unsettled.length === kinds.length;
    }, "all of them known to be unknown");
    const jobs = await w.jobs(runId);
    for (const [n, [name]] of kinds.entries()) {
      const { status, sid, attempts } = jobs[n]!;
      assert.deepEqual({ status, sid, attempts }, { status: "dialing", sid: null, attempts: 1 }, name);
      assert.equal(await createsOf(w, numbers[n]!), 1, name);
    }
    const run = await w.run(runId);
    assert.deepEqual([run.status, run.inProgress, run.failed], ["running", kinds.length, 0]);
    assert.equal((await pauseOf(w))?.kind ?? null, null);
    await assertInvariants(w);
  });

  it("is settled by its callbacks when the call was made", async (t) => {
    const w = await world(t, { limits: { postTimeoutMs: 500 } });
    const business = await w.business({ limit: 5 });
    const leads = await w.leads(business, 5);
    const numbers = await w.numbersOf(leads);
    const made = Object.entries(LOST).filter(
      ([, { kind, at }]) => at === "after" || kind === "no-sid" || kind === "html",
    );
    assert.equal(made.length, 5);
    await w.carrier.setFaults(made.map(([, fault], n): Fault => ({ on: "create", ...fault, to: numbers[n]! })));
    await w.worker();
    const { runId } = await w.enqueue(business, leads, { concurrency: 5 });
    const run = await w.untilRun(runId, "completed");
    assert.deepEqual([run.completed, run.failed], [5, 0]);
    assert.equal((await w.carrier.report()).totalCreates, 5);
    await assertInvariants(w);
  });
});

describe("a worker that was frozen", () => {
  it("between the mark and the socket sends nothing when it thaws, and the lead is called later", async (t) => {
    const w = await world(t, { limits: { postStartBudgetMs: 500 } });
    const business = await w.business({ limit: 1 });
    let frozen = 0;
    await w.worker({
      async reached(moment) {
        if (moment === "begin.committed" && frozen++ === 0) await sleep(600);
      },
    });
    const { runId } = await w.enqueue(business, await w.leads(business, 2));
    const run = await w.untilRun(runId, "completed");
    assert.equal(run.completed, 2);
    assert.deepEqual(
      (await w.jobs(runId)).map((job) => job.attempts),
      [2, 1],
    );
    assert.equal((await w.carrier.report()).totalCreates, 2);
    await assertInvariants(w);
  });
});
