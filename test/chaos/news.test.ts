// What the carrier keeps to itself is found out: lost callbacks by fetching, lost answers by looking up, and nobody is
// dialled again on a guess.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { rows } from "../../db/client.ts";
import type { RequestFault } from "../../src/dev/twilio/faults.ts";
import type { StartedRun } from "./people.ts";
import { theatre, wholeFile, type Theatre } from "./theatre.ts";

describe("news that never comes", () => {
  let play: Theatre;
  const scope = wholeFile();

  before(async () => {
    const outcome = { answered: 4, busy: 2, "no-answer": 2, failed: 1 };
    const scripts = [
      { initiateAfterMs: 5, ringAfterMs: 20, answerAfterMs: 50, noAnswerAfterMs: 100, talkMs: 100, outcome },
    ];
    // No attempt is given up before its POST because a busy machine is slow to send it: attempts are counted here.
    const env = { POST_START_BUDGET_MS: "1500", SETTLE_SECONDS: "2.6" };
    play = await theatre(scope, { scripts, env });
    await play.member("api", "api");
    await play.member("worker", "worker");
  });

  const jobsOf = async (run: StartedRun) =>
    await rows<{ to: string; status: string; outcome: string; attempts: number; events: [string, string | null][] }>(
      play.stage.db,
      sql`select to_number as "to", status, outcome, attempts,
                 (select json_agg(json_build_array(e.kind, e.detail ->> 'evidence') order by e.id)
                    from outbound_run_events e where e.job_id = j.id) as events
            from outbound_call_jobs j where run_id = ${run.runId} order by id`,
    );

  it("every callback dropped: every call ends with its true status", async () => {
    await play.stage.carrier.setFaults([{ on: "callback", kind: "drop" }]);
    const run = await play.run(9);
    assert.equal(await play.ended(run), "completed");
    await play.assertAll();
    const ends = new Set((await jobsOf(run)).map((job) => job.outcome));
    assert.ok(ends.size >= 2, `different ends: ${[...ends].join()}`);
  });

  const ACCEPTED: Omit<RequestFault, "on">[] = [
    { kind: "hang", at: "after" },
    { kind: "reset", at: "after" },
    { kind: "error", status: 500, at: "after" },
    { kind: "error", status: 503, at: "after" },
    { kind: "no-sid" },
    { kind: "html" },
  ];
  it("accepted, and the answer lost in each way: adopted, with the evidence, and called once", async () => {
    await play.stage.carrier.setFaults([
      ...ACCEPTED.map((fault) => ({ on: "create", ...fault, times: 1 }) as const),
      { on: "callback", kind: "drop" },
    ]);
    const run = await play.run(ACCEPTED.length);
    assert.equal(await play.ended(run), "completed");
    const { faults } = await play.stage.carrier.report();
    for (const { kind } of ACCEPTED) assert.ok((faults[`create/${kind}`] ?? 0) > 0, kind);
    await play.stage.carrier.setFaults([]);
    for (const job of await jobsOf(run)) {
      assert.equal(job.attempts, 1);
      assert.ok(job.events.some(([kind, why]) => kind === "job.adopted" && /^adopted CA\w+ found/.test(why ?? "")));
    }
    await play.assertAll();
  });

  it("lost on the way once: proven not placed, then called", async () => {
    await play.stage.carrier.setFaults([{ on: "create", kind: "hang", nthOfTo: 1 }]);
    const run = await play.run(2);
    assert.equal(await play.ended(run), "completed");
    for (const job of await jobsOf(run)) {
      assert.equal(job.attempts, 2);
      assert.ok(job.events.some(([kind, why]) => kind === "job.requeued" && why?.endsWith("clean look-ups")));
      assert.notEqual(job.outcome, "outcome_unknown");
    }
    await play.assertAll();
  });

  it("lost on the way twice: the outcome is unknown, and nobody tries a third time", async () => {
    await play.stage.carrier.setFaults([{ on: "create", kind: "reset" }]);
    const run = await play.run(2);
    assert.equal(await play.ended(run), "completed");
    for (const job of await jobsOf(run)) {
      assert.deepEqual([job.status, job.outcome, job.attempts], ["failed", "outcome_unknown", 2]);
      assert.deepEqual(await play.stage.carrier.calls({ to: job.to }), []);
    }
    await play.stage.carrier.setFaults([]);
    await play.assertAll();
  });

  it("the carrier's list is silent: the slot is kept until it speaks", async () => {
    await play.stage.carrier.setFaults([
      { on: "create", kind: "hang", at: "after", times: 3 },
      { on: "callback", kind: "drop" },
      { on: "list", kind: "error", status: 503, times: 6 },
    ]);
    const run = await play.run(3);
    assert.equal(await play.ended(run), "completed");
    await play.stage.carrier.setFaults([]);
    for (const job of await jobsOf(run)) assert.equal(job.attempts, 1);
    await play.assertAll();
  });
});
