// The end of a job: it leaves its slot, its counters move, its run ends if nothing is left, and the next lead is called.
import { sql } from "drizzle-orm";
import { row, type Tx } from "../../db/client.ts";
import { audit } from "./audit.ts";
import { count } from "./counters.ts";
import { lockRun, utcNow } from "./rows.ts";
import { wakeIfWaiting } from "./wake.ts";

export interface JobEnd {
  status: "completed" | "failed";
  /** One word: completed, busy, no-answer, failed, canceled, rejected, outcome_unknown. */
  outcome: string;
  /** Twilio's word, when there was a call. */
  callStatus: string | null;
  errorMessage: string | null;
  errorCode: string | null;
  sid: string | null;
  callLogId: number | null;
}

export interface Held {
  jobId: number;
  runId: number;
  businessId: number;
  token: string;
}

/**
 * Ends a live job, once: a second caller, or one whose token is not the job's any more, finds no row and changes
 * nothing. Takes the run's lock; the caller may hold the job's only if it took the run's before.
 * @returns whether this call ended it
 */
export async function endJob(tx: Tx, held: Held, end: JobEnd, actor: string): Promise<boolean> {
  const { jobId, runId, businessId, token } = held;
  const run = await lockRun(tx, businessId, runId);
  if (!run) return false;
  const ended = await row(
    tx,
    sql`
    with ended as (
      update outbound_call_jobs
         set status = ${end.status}, outcome = ${end.outcome}, call_status = coalesce(${end.callStatus}, call_status),
             error_message = ${end.errorMessage}, error_code = ${end.errorCode}, completed_at = ${utcNow}, active_number = null,
             call_sid = coalesce(call_sid, ${end.sid}), twilio_call_sid = coalesce(twilio_call_sid, ${end.sid}),
             call_log_id = coalesce(call_log_id, ${end.callLogId}::int)
       where id = ${jobId} and business_id = ${businessId} and dial_lock_token = ${token} and status in ('dialing', 'calling')
      returning id
    ), freed as (
      delete from outbound_call_slots s using ended where s.job_id = ended.id and s.token = ${token}
    ), closed as (
      update outbound_call_attempts a
         set closed_at = clock_timestamp(), settled_at = coalesce(settled_at, clock_timestamp()), news_at = clock_timestamp(),
             call_sid = coalesce(call_sid, ${end.sid}), error_code = ${end.errorCode},
             result = case when coalesce(call_sid, ${end.sid}) is not null then 'placed' else ${end.outcome} end
        from ended
       where a.token = ${token}
    )
    select 1 from ended`,
  );
  if (!ended) return false;
  const detail = { status: end.status, outcome: end.outcome, ...(end.errorCode ? { code: end.errorCode } : {}) };
  await audit(tx, { runId, businessId, jobId, kind: "job.ended", actor, detail });
  await count(tx, run, businessId, { inProgress: -1, [end.status]: 1 });
  await wakeIfWaiting(tx, businessId);
  return true;
}
