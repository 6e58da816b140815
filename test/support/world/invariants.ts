// What must hold after everything: the counters, slots and numbers in the database, and what the carrier has seen.
import assert from "node:assert/strict";
import { sql } from "drizzle-orm";
import { rows, type Database } from "../../../db/client.ts";
import type { Observer } from "../../../src/dev/twilio/observer.ts";
import { holdsNumber, ownDigits } from "../numbersIn.ts";
import type { Business } from "./factories.ts";

export interface Observed {
  db: Database;
  carrier: Pick<Observer, "report">;
  businesses: readonly Business[];
  /** What was logged, a line each. */
  logged?: readonly string[];
}

/**
 * I1, I2 and I6, now. `calledTwice`: numbers that the test itself had called in two runs, one after the other.
 * Each statement finds the rows that break a rule, so that a failure shows them.
 */
export async function assertInvariants(world: Observed, options: { calledTwice?: string[] } = {}): Promise<void> {
  for (const [rule, found] of Object.entries(await brokenRules(world.db))) assert.deepEqual(found, [], rule);
  const report = await world.carrier.report();
  assert.deepEqual(
    report.tosCalledTwice.toSorted(),
    (options.calledTwice ?? []).toSorted(),
    "no number is called twice",
  );
  assert.deepEqual(report.tokensUsedTwice, [], "one call per attempt");
  assert.deepEqual(report.tokensPostedTwice, [], "one POST per attempt");
  for (const { from, highestLimit } of world.businesses) {
    const most = report.maxLivePerFrom[from] ?? 0;
    assert.ok(most <= highestLimit, `${from} had ${most} live calls, and ${highestLimit} are allowed`);
  }
  const numbers = await rows<{ phone: string }>(
    world.db,
    sql`select phone_e164 as phone from leads where phone_e164 is not null`,
  );
  const own = ownDigits(numbers.map(({ phone }) => phone));
  assert.deepEqual(
    (world.logged ?? []).filter((line) => holdsNumber(line, own)),
    [],
    "no phone number is in the log",
  );
}

/** In one statement each: what they see is one committed state, also while workers are busy. */
export async function brokenRules(db: Database): Promise<Record<string, unknown[]>> {
  return {
    "the counters equal the jobs by status": await rows(
      db,
      sql`select r.id, r.status, r.total_leads, r.queued_count, r.in_progress_count, r.completed_count, r.failed_count,
                 r.cancelled_count, r.cursor_position, j.*
            from outbound_call_runs r
           cross join lateral (
             select count(*) as jobs, count(*) filter (where status = 'queued') as queued,
                    count(*) filter (where status in ('dialing', 'calling')) as live,
                    count(*) filter (where status = 'completed') as completed,
                    count(*) filter (where status = 'failed') as failed,
                    count(*) filter (where status = 'cancelled') as cancelled
               from outbound_call_jobs where run_id = r.id) j
           where r.engine = 'ringpost'
             and (r.total_leads, r.queued_count, r.in_progress_count, r.completed_count, r.failed_count, r.cancelled_count,
                  r.cursor_position)
                 is distinct from (j.jobs, j.queued, j.live, j.completed, j.failed, j.cancelled,
                                   j.completed + j.failed + j.cancelled)`,
    ),
    "every live job has its slot, every slot its live job": await rows(
      db,
      sql`select j.id as job, j.status, s.slot_no
            from (select * from outbound_call_jobs where status in ('dialing', 'calling') and to_number is not null) j
            full join outbound_call_slots s
                   on s.job_id = j.id and s.token = j.dial_lock_token and s.run_id = j.run_id and s.business_id = j.business_id
           where j.id is null or s.job_id is null`,
    ),
    "every live job has its open attempt, every open attempt its live job": await rows(
      db,
      sql`select j.id as job, j.status, a.token
            from (select * from outbound_call_jobs where status in ('dialing', 'calling') and to_number is not null) j
            full join (select * from outbound_call_attempts where closed_at is null) a
                   on a.job_id = j.id and a.token = j.dial_lock_token
           where j.id is null or a.token is null`,
    ),
    "an active number belongs to an active job of an open run": await rows(
      db,
      sql`select j.id as job, j.status, r.status as run, j.active_number is not null as active
            from outbound_call_jobs j join outbound_call_runs r on r.id = j.run_id
           where r.engine = 'ringpost'
             and (j.active_number is not null)
                 <> (r.status in ('pending', 'running') and j.status in ('queued', 'dialing', 'calling'))`,
    ),
    "an ended run has nobody queued": await rows(
      db,
      sql`select id, status, queued_count from outbound_call_runs
           where engine = 'ringpost' and status in ('completed', 'cancelled', 'stopped') and queued_count > 0`,
    ),
    "an open run has somebody left": await rows(
      db,
      sql`select id, status from outbound_call_runs
           where engine = 'ringpost' and status in ('pending', 'running') and queued_count + in_progress_count = 0`,
    ),
    "one row in call_log per call placed": await rows(
      db,
      sql`select j.id as job, j.call_sid, l.id as call_log
            from outbound_call_jobs j left join call_log l on l.call_sid = j.call_sid
           where j.to_number is not null and j.attempts > 0 and j.call_sid is not null
             and (l.id is null or j.call_log_id is distinct from l.id or l.business_id is distinct from j.business_id)`,
    ),
  };
}
