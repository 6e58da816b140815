// What a crash of Postgres may forget: a claim and a call's end do not wait for the disk. What anybody outside acts upon does.
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { migrateDatabase } from "../../db/migrate.ts";
import { beginAttempt } from "../../src/runs/begin.ts";
import type { Claim } from "../../src/runs/claim.ts";
import { dispatchOnce } from "../../src/runs/dispatch.ts";
import { applyNews } from "../../src/runs/news.ts";
import { stopRun } from "../../src/runs/stop.ts";
import { startOwnServer } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { assertInvariants, world } from "../support/world.ts";

/**
 * Its longest: what did not wait for the disk stays in memory until then, unless something else is written after it. And a
 * server that is set to wait for no commit at all: what must wait does so by our own word.
 */
const LAZY = { wal_writer_delay: "10000", synchronous_commit: "off" };
/** The ten seconds may be over just when a test crashes the server: not many times. */
const TRIES = 4;
const LEADS = TRIES + 1;

async function crashing(t: TestContext, leads = LEADS) {
  const server = await startOwnServer(t, LAZY);
  await migrateDatabase(server.url);
  const w = await world(t, { database: async () => ({ url: server.url }) });
  const business = await w.business({ limit: 1 });
  const { runId } = await w.enqueue(business, await w.leads(business, leads));
  return {
    w,
    business,
    runId,
    async claim(): Promise<Claim> {
      const { claims } = await dispatchOnce(w.engine(), business.id);
      assert.equal(claims.length, 1);
      return claims[0]!;
    },
    news: (claim: Claim, sid: string, status: string, from: "answer" | "callback") =>
      applyNews(w.db, { token: claim.token, sid, status, durationSeconds: status === "completed" ? 1 : null, from }),
    async crash() {
      await server.stopImmediate();
      await server.start();
      await until(async () => (await w.run(runId).catch(() => undefined)) !== undefined, "the database is back");
    },
  };
}

it("forgets a claim, whose call is then not made, and nothing is lost", async (t) => {
  const { w, runId, claim, news, crash } = await crashing(t);
  for (let ended = 0; ; ended++) {
    assert.ok(ended < TRIES, "the claim waited for the disk every time");
    const made = await claim();
    await crash();
    const run = await w.run(runId);
    if (run.inProgress === 0) {
      assert.equal(await beginAttempt(w.db, made), "refused");
      assert.deepEqual([run.queued, run.completed], [LEADS - ended, ended]);
      break;
    }
    assert.equal(await beginAttempt(w.db, made), "begun");
    await news(made, `CA${ended}`, "completed", "callback");
  }
  await assertInvariants(w);
  // Nothing holds the slot that it had.
  await claim();
});

it("remembers a claim once its POST may have begun, a SID, and an end that the next call came after", async (t) => {
  const { w, runId, claim, news, crash } = await crashing(t);
  const first = await claim();
  assert.equal(await beginAttempt(w.db, first), "begun");
  await crash();
  assert.equal((await w.run(runId)).inProgress, 1);
  assert.equal(await beginAttempt(w.db, first), "refused", "the mark stands");

  assert.equal(await news(first, "CA1", "queued", "answer"), "applied");
  await crash();
  assert.equal((await w.jobs(runId))[0]!.sid, "CA1");

  assert.equal(await news(first, "CA1", "completed", "callback"), "applied");
  const second = await claim();
  assert.equal(await beginAttempt(w.db, second), "begun");
  await crash();
  const [ended, going] = await w.jobs(runId);
  assert.deepEqual([ended!.status, going!.status, going!.token], ["completed", "dialing", second.token]);
  await assertInvariants(w);
});

it("remembers an end that was the first news of its call: nothing else knows the SID", async (t) => {
  const { w, runId, claim, news, crash } = await crashing(t);
  const made = await claim();
  assert.equal(await beginAttempt(w.db, made), "begun");
  assert.equal(await news(made, "CA1", "completed", "callback"), "applied");
  await crash();
  const [job] = await w.jobs(runId);
  assert.deepEqual([job!.status, job!.sid], ["completed", "CA1"]);
});

it("remembers a stop that was answered", async (t) => {
  const { w, business, runId, crash } = await crashing(t);
  const { stopped } = await stopRun(w.door(business), runId, { hangUp: false, flight: w.limits });
  assert.equal(stopped, true);
  await crash();
  assert.equal((await w.run(runId)).status, "stopped");
  assert.equal((await dispatchOnce(w.engine(), business.id)).claims.length, 0);
});

it("remembers the end of a run once somebody who asked to stop it was told that it has ended", async (t) => {
  const { w, business, runId, claim, news, crash } = await crashing(t, 1);
  const made = await claim();
  assert.equal(await beginAttempt(w.db, made), "begun");
  await news(made, "CA1", "queued", "answer");
  await news(made, "CA1", "completed", "callback");
  const { stopped } = await stopRun(w.door(business), runId, { hangUp: false, flight: w.limits });
  assert.equal(stopped, false);
  await crash();
  assert.equal((await w.run(runId)).status, "completed");
});

it("may forget an end that nothing came after: told again, the call ends again", async (t) => {
  const { w, runId, claim, news, crash } = await crashing(t);
  const made = await claim();
  assert.equal(await beginAttempt(w.db, made), "begun");
  await news(made, "CA1", "queued", "answer");
  await news(made, "CA1", "completed", "callback");
  await crash();
  const { inProgress, completed } = await w.run(runId);
  assert.equal(inProgress + completed, 1);
  await assertInvariants(w);
  // As reconcile does, half a minute later.
  await news(made, "CA1", "completed", "callback");
  assert.equal((await w.run(runId)).completed, 1);
  await assertInvariants(w);
});
