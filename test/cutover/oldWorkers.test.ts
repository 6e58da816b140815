// What counts as a sign that an old worker is at work: row by row, each on a database where nothing else is one.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { requireOldWorkersStopped } from "../../src/cutover/oldWorkers.ts";
import { aRun, openOldShop, queuedJobs } from "./oldShop.ts";

const job = (set: string) => `update outbound_call_jobs set ${set} where id = 101`;
const run = (set: string) => `update outbound_call_runs set ${set} where id = 1`;
const ago = (minutes: number) => `now() - interval '${minutes} minutes'`;

describe("an old worker", () => {
  it("is found by whatever it writes, whatever its run's state says", async (t) => {
    const db = await openOldShop(t, [aRun(1, "running"), queuedJobs(1, 1, 2)].join(";"));
    // The database's own note of a change, 0023, would be a sign by itself.
    await db.execute(sql`alter table outbound_call_runs disable trigger ringpost_run_touched`);
    const cases: [string, string[], RegExp | null][] = [
      ["a pending run, a job dialled now", [run("status = 'pending'"), job("dial_started_at = now()")], /run 1/],
      ["a word of its own", [run("status = 'RUNNING', lock_ts = now(), locked_by_worker = 'old:17'")], /by old:17/],
      ["another word", [run("status = 'processing', updated_at = now()")], /run 1/],
      ["no state", [run("status = null"), job("started_at = now()")], /run 1/],
      ["reclaimed, and awake again", [run("status = 'failed', ended_at = now(), lock_ts = now()")], /run 1/],
      [
        "reclaimed, and dialling",
        [run("status = 'failed', ended_at = now()"), job("dial_started_at = now()")],
        /run 1/,
      ],
      ["a call that ended now", [job("completed_at = now(), status = 'completed'")], /2 minutes/],
      ["a pending run that is touched", [run("status = 'pending', updated_at = now()")], /run 1/],
      [
        "no heartbeat, and a call that has not ended",
        [job(`started_at = ${ago(8)}, status = 'in_progress'`)],
        /10 minutes, and a call of it has not ended/,
      ],
      ["a time in the future", [job("started_at = now() + interval '3 hours'")], /lie in the future/],
      ["a pending run made now", [run("status = 'pending', created_at = now(), updated_at = now()")], null],
      ["a call longer ago than calls last", [job(`started_at = ${ago(11)}, status = 'calling'`)], null],
      [
        "a heartbeat that stopped",
        [run(`lock_ts = ${ago(3)}`), job(`started_at = ${ago(8)}, status = 'calling'`)],
        null,
      ],
      ["an ended run that somebody edits", [run("status = 'completed', ended_at = now(), updated_at = now()")], null],
      [
        "a run of ours",
        [
          run("engine = 'ringpost', status = 'completed', ended_at = now(), completed_at = now()"),
          job("started_at = now()"),
        ],
        null,
      ],
    ];
    for (const [what, changes, refusal] of cases) {
      const before = [
        "update outbound_call_runs set engine = 'legacy', status = 'running', lock_ts = null, locked_by_worker = null, ended_at = null, completed_at = null",
        "update outbound_call_runs set created_at = now() - interval '1 hour', updated_at = now() - interval '1 hour'",
        "update outbound_call_jobs set status = 'queued', dial_started_at = null, started_at = null, completed_at = null",
      ];
      for (const statement of [...before, ...changes]) await db.execute(sql.raw(statement));
      const looking = requireOldWorkersStopped(db);
      if (refusal) await assert.rejects(looking, { code: "cutover.old_workers_alive", message: refusal }, what);
      else await assert.doesNotReject(looking, what);
    }
  });
});
