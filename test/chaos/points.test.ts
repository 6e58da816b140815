// A process dies at each named moment, and another goes on: nobody is lost, nobody is called twice.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { sql } from "drizzle-orm";
import type { Moment } from "../../src/runs/engine.ts";
import { seeded } from "../support/random.ts";
import { sized } from "../support/sizes.ts";
import type { Member } from "./fleet.ts";
import { theatre, wholeFile, type Theatre } from "./theatre.ts";

const SEED = Number(process.env["SEED"] ?? 7);
const TIMES = sized(1, 20);
const random = seeded(SEED);

/** How often a run of six leads in three slots gets there at least: the first three may be claimed at once, and so the others. */
const WORKER_MOMENTS = {
  "claim.committed": 2,
  "begin.committed": 3,
  "post.answered": 3,
  "placed.storing": 3,
  "placed.stored": 3,
} satisfies Partial<Record<Moment, number>>;

describe(`killed at a named moment (seed ${SEED}, ${TIMES} time(s) each)`, () => {
  let play: Theatre;
  let worker: Member;
  let api: Member;
  let workers = 0;
  const nextWorker = async () => (worker = await play.member("worker", `worker${++workers}`));

  // Registered here: a hook that `before` registers runs as soon as `before` has ended.
  const scope = wholeFile();
  before(async () => {
    play = await theatre(scope);
    api = await play.member("api", "api");
    await nextWorker();
  });

  for (const [moment, arrivals] of Object.entries(WORKER_MOMENTS) as [keyof typeof WORKER_MOMENTS, number][]) {
    it(`a worker at ${moment}`, async () => {
      for (let n = 0; n < TIMES; n++) {
        const struck = play.order(worker, moment, 1 + random.below(arrivals));
        const run = await play.run(6);
        await struck();
        await nextWorker();
        assert.equal(await play.ended(run), "completed");
        await play.assertAll();
      }
    });
  }

  it("a worker whose POST was accepted and not answered", async () => {
    for (let n = 0; n < TIMES; n++) {
      const hold = await play.stage.carrier.holdCreates({ at: "after" });
      const run = await play.run(6);
      await hold.reached(1 + random.below(3));
      await worker.kill();
      await hold.release();
      await nextWorker();
      assert.equal(await play.ended(run), "completed");
      await play.assertAll();
    }
  });

  it("the API inside a callback's transaction", async () => {
    for (let n = 0; n < TIMES; n++) {
      const struck = play.order(api, "news.applying", 1 + random.below(6));
      const run = await play.run(6);
      await struck();
      await api.startAgain();
      assert.equal(await play.ended(run), "completed");
      await play.assertAll();
    }
  });

  it("the API between the commit of a stop and its answer", async () => {
    for (let n = 0; n < TIMES; n++) {
      // More than can be called before the stop, however late that comes; they cost nothing.
      const run = await play.run(150);
      await play.stage.carrier.waitForEvent((event) => event.kind === "create.accepted" && event.to === run.numbers[2]);
      const struck = play.order(api, "stop.committed", 1);
      run.plan.ending = { how: "stop", atShare: 0 };
      const stopped = play.people.end(run);
      await struck();
      await api.startAgain();
      await stopped;
      assert.equal(await play.ended(run), "stopped");
      await play.assertAll();
    }
  });

  for (const moment of ["reap.started", "reap.reclaiming"] as const) {
    it(`the reaper at ${moment}`, async () => {
      for (let n = 0; n < TIMES; n++) {
        const run = await play.run(6);
        await play.struck(worker, "claim.committed", 1);
        await play.stage.db.execute(sql`
          update outbound_call_runs set lock_ts = lock_ts - interval '1 hour' where id = ${run.runId}`);
        assert.equal(await play.reap(moment), "");
        assert.match(await play.reap(), /"reclaimed_runs":1,/);
        await play.people.resumeFailed();
        await nextWorker();
        assert.equal(await play.ended(run), "completed");
        await play.assertAll();
      }
    });
  }
});
