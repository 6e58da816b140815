// SIGTERM: POSTs in flight are finished, runs are handed over at once, the process ends within ten seconds.
import assert from "node:assert/strict";
import { afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { row } from "../../db/client.ts";
import { theatre, wholeFile, type Theatre } from "./theatre.ts";

const LONGEST_MS = 10_500;

describe("SIGTERM of a worker", () => {
  let play: Theatre;
  const scope = wholeFile();

  before(async () => {
    // A lease that nobody waits out in this test: what is handed over at once goes on long before.
    // And no POST is given up because a busy machine is slow to send it: an answer is awaited, not a look-up.
    const env = {
      ADOPT_AFTER_SECONDS: "60",
      POST_START_BUDGET_MS: "4000",
      POST_TIMEOUT_MS: "5000",
      SETTLE_SECONDS: "10",
    };
    play = await theatre(scope, { env });
    await play.member("api", "api");
  });

  // One that failed half-way leaves nothing to the next.
  afterEach(async () => {
    await play.stage.carrier.setFaults([]);
    await play.dismiss("worker");
  });

  it("finishes the POSTs in flight and hands the run over", async (t) => {
    const worker = await play.member("worker", "worker1");
    const hold = await play.stage.carrier.holdCreates({ at: "after" });
    const run = await play.run(8);
    await hold.reached(3);
    const terminated = worker.terminate();
    // Before the next one starts: that may take longer than a POST waits for its answer.
    await play.said(worker, "SIGTERM: draining");
    await hold.release();
    const ms = await terminated;
    await play.member("worker", "worker2");
    t.diagnostic(`ended ${Math.round(ms)} ms after SIGTERM, three POSTs in flight`);
    assert.ok(ms < LONGEST_MS);
    assert.equal(await play.ended(run, 10_000), "completed");
    const looked = await row(play.stage.db, sql`select 1 from outbound_run_events where kind = 'job.unsettled'`);
    assert.equal(looked, undefined, "every POST got its answer");
    await play.assertAll();
  });

  it("ends in time although the carrier never answers, and loses nothing", async (t) => {
    const worker = await play.member("worker", "worker3");
    await play.stage.carrier.setFaults([{ on: "create", kind: "hang", at: "after", times: 3 }]);
    const run = await play.run(6);
    await play.stage.carrier.waitForEvent((e) => e.kind === "create.accepted" && run.numbers.includes(e.to ?? ""));
    const ms = await worker.terminate();
    t.diagnostic(`ended ${Math.round(ms)} ms after SIGTERM, the carrier silent`);
    assert.ok(ms < LONGEST_MS);
    await play.member("worker", "worker4");
    assert.equal(await play.ended(run), "completed");
    await play.assertAll();
  });

  it("a second signal ends it at once, and loses nothing", async () => {
    const worker = await play.member("worker", "worker5");
    const hold = await play.stage.carrier.holdCreates({ at: "after" });
    const run = await play.run(6);
    await hold.reached(1);
    const since = performance.now();
    const terminated = worker.terminate();
    // Later than what counts as an echo of the first.
    await sleep(600);
    await worker.terminate();
    await terminated;
    // Long before its POSTs would have been given up.
    assert.ok(performance.now() - since < 4_500);
    await hold.release();
    await play.member("worker", "worker6");
    assert.equal(await play.ended(run), "completed");
    await play.assertAll();
  });
});
