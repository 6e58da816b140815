// Row locks, in the one order that everybody keeps: advisory lock, runs by id, jobs by id, slots. Whoever will change
// a run's counters locks its row before the job's, so that no two of these transactions can wait for each other.
import { sql } from "drizzle-orm";
import { row, type Tx } from "../../db/client.ts";
import { CodedError } from "../errors.ts";
import type { JobStatus, RunStatus } from "./states.ts";

/** The time on the tables that the CRM shares: `timestamp` in UTC. Not now(): that is the transaction's start. */
export const utcNow = sql.raw("clock_timestamp()::timestamp");

/**
 * A job's run while it waits in the queue, else NULL. Asked in these words, and never by status and run_id, a run's queue
 * can only be found by idx_outbound_call_jobs_waiting: the planner held the index on either column for as good whenever its
 * statistics knew of few queued jobs, or of short runs, and then every claim read the whole queue.
 */
export const waitingRun = sql.raw("(case when status = 'queued' then run_id end)");

export interface LockedRun {
  id: number;
  status: RunStatus;
  cancelRequested: boolean;
  queued: number;
  inProgress: number;
}

/**
 * Locks the run's row against every counter change; undefined when the business has no such run. The lock also has the
 * commit wait for the disk where nothing else is changed: what a person is told of the run then outlives a crash, also an
 * end that did not wait (test/chaos/onDisk.test.ts).
 */
export async function lockRun(tx: Tx, businessId: number, runId: number): Promise<LockedRun | undefined> {
  return await row<LockedRun>(
    tx,
    sql`select id, status, cancel_requested as "cancelRequested", queued_count as queued, in_progress_count as "inProgress"
          from outbound_call_runs
         where id = ${runId} and business_id = ${businessId} and engine = 'ringpost'
           for no key update`,
  );
}

/**
 * For what a person asks of a run.
 * @throws CodedError run.not_found; run.legacy: it can be seen, but until the cut-over the old system runs it, and would
 *   dial on whatever we wrote
 */
export async function requireRun(tx: Tx, businessId: number, runId: number): Promise<LockedRun> {
  const run = await lockRun(tx, businessId, runId);
  if (run) return run;
  const seen = await row(tx, sql`select from outbound_call_runs where id = ${runId} and business_id = ${businessId}`);
  if (seen) throw new CodedError("run.legacy", "the run is the old system's until the cut-over");
  throw new CodedError("run.not_found", "no such run");
}

export interface LockedJob {
  id: number;
  runId: number;
  businessId: number;
  status: JobStatus;
  token: string | null;
  callSid: string | null;
  callStatus: string | null;
}

export async function lockJob(tx: Tx, businessId: number, jobId: number): Promise<LockedJob | undefined> {
  return await row<LockedJob>(
    tx,
    sql`select id, run_id as "runId", business_id as "businessId", status, dial_lock_token as token,
               call_sid as "callSid", call_status as "callStatus"
          from outbound_call_jobs
         where id = ${jobId} and business_id = ${businessId}
           for no key update`,
  );
}
