// The tests' own tools: rows that are consistent in every state, invariants that notice, mutants that are one.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { row } from "../../db/client.ts";
import * as original from "../../src/runs/states.ts";
import { mutant } from "./mutant.ts";
import { assertInvariants, minutes, seconds, world, type World } from "./world.ts";

describe("a run made of rows", () => {
  it("is consistent in every state", async (t) => {
    const w = await world(t);
    const business = await w.business({ limit: 10 });
    for (const status of original.RUN_STATUSES) {
      const open = status === "pending" ? { queued: 3 } : { queued: 2, dialing: 1, calling: 1 };
      const jobs = ["pending", "running", "failed"].includes(status) ? open : { calling: 1 };
      const { runId, jobs: made } = await w.aRun({
        business,
        status,
        jobs: status === "pending" ? jobs : { ...jobs, completed: 2, failed: 1, cancelled: 1 },
      });
      assert.equal((await w.run(runId)).status, status);
      assert.equal((await w.jobs(runId)).length, Object.values(made).flat().length);
    }
    await assertInvariants(w);
  });

  it("has the ages that it is asked to have", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const { runId } = await w.aRun({
      business,
      jobs: { dialing: 1, queued: 2 },
      lockedAgo: minutes(6),
      updatedAgo: minutes(7),
      begunAgo: seconds(90),
      lockedBy: "gone:42",
    });
    const ages = await row<{ locked: number; updated: number; begun: number; by: string }>(
      w.db,
      sql`select extract(epoch from clock_timestamp()::timestamp - r.lock_ts)::int as locked,
                 extract(epoch from clock_timestamp()::timestamp - r.updated_at)::int as updated,
                 extract(epoch from clock_timestamp() - a.begun_at)::int as begun, r.locked_by_worker as by
            from outbound_call_runs r join outbound_call_attempts a on a.run_id = r.id
           where r.id = ${runId}`,
    );
    assert.ok(Math.abs(ages!.locked - 360) < 5 && Math.abs(ages!.updated - 420) < 5 && Math.abs(ages!.begun - 90) < 5);
    assert.equal(ages!.by, "gone:42");
  });
});

describe("assertInvariants", () => {
  const BREAKS: Record<string, string> = {
    "the counters equal":
      "update outbound_call_runs set queued_count = queued_count - 1, failed_count = failed_count + 1, cursor_position = cursor_position + 1",
    "every live job has its slot": "delete from outbound_call_slots",
    "every slot its live job":
      "insert into outbound_call_slots select business_id, 9, id, run_id, 'x', now(), now() from outbound_call_jobs where status = 'queued' limit 1",
    "open attempt": "update outbound_call_attempts set closed_at = now()",
    "active number": "update outbound_call_jobs set active_number = null where status = 'queued'",
    "nobody queued":
      "update outbound_call_runs set status = 'stopped', ended_at = now(), completed_at = now(); update outbound_call_jobs set active_number = null",
    "per call placed":
      "update outbound_call_jobs set attempts = 1, call_sid = 'CA1', twilio_call_sid = 'CA1' where status = 'dialing'",
  };

  const broken = async (w: World, how: string) => {
    for (const statement of how.split(";")) await w.db.execute(sql.raw(statement));
  };

  for (const [rule, how] of Object.entries(BREAKS)) {
    it(`notices: ${rule}`, async (t) => {
      const w = await world(t);
      const business = await w.business();
      await w.aRun({ business, jobs: { dialing: 1, queued: 2 } });
      await assertInvariants(w);
      await broken(w, how);
      await assert.rejects(assertInvariants(w), (error: Error) => error.message.includes(rule));
    });
  }

  it("notices what only the carrier has seen: a number called twice, and one call too many", async (t) => {
    const w = await world(t, { carrier: { preset: "instant", scripts: [{ talkMs: 60_000 }] } });
    const business = await w.business({ limit: 1 });
    const dial = (to: string, token: string) =>
      w.engine().dialler.dial(
        {
          from: business.from,
          to,
          statusCallbackUrl: `http://127.0.0.1:1/?token=${token}`,
          voiceUrl: "http://127.0.0.1:1/",
          ringTimeoutSeconds: 30,
          timeLimitSeconds: 60,
        },
        () => true,
      );
    await dial("+972520000001", "a");
    await assertInvariants(w);
    await dial("+972520000002", "b");
    await assert.rejects(assertInvariants(w), /2 live calls, and 1 are allowed/);
    await dial("+972520000002", "c");
    await assert.rejects(assertInvariants(w), /no number is called twice/);
  });
});

describe("a mutant", () => {
  it("is the project's code with one thing changed, and leaves the original alone", async (t) => {
    const changed = mutant(t, { file: "src/runs/states.ts", find: '["dialing", "calling"]', replace: '["dialing"]' });
    const { LIVE_JOB } = await changed<typeof original>("src/runs/states.ts");
    assert.deepEqual(LIVE_JOB, ["dialing"]);
    assert.deepEqual(original.LIVE_JOB, ["dialing", "calling"]);
  });

  it("is refused when what it changes is not there exactly once", (t) => {
    const file = "src/runs/states.ts";
    assert.throws(() => mutant(t, { file, find: "no such text", replace: "" }), /0 times/);
    assert.throws(() => mutant(t, { file, find: "export", replace: "" }), /not once/);
  });
});
