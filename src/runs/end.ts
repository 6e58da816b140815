// The end of a job: it leaves its slot, its counters move, its run ends if nothing is left, and the next lead is called.
import { sql } from "drizzle-orm";
import { row, type Queryable } from "../../db/client.ts";
import { recording, type CallNews } from "./callLog.ts";
import { counting } from "./counters.ts";
import { wakeIfWaiting } from "./wake.ts";

export interface JobEnd {
  status: "completed" | "failed";
  /** One word: completed, busy, no-answer, failed, canceled, rejected, outcome_unknown. */
  outcome: string;
  errorMessage: string | null;
  errorCode: string | null;
  /** The call that ended, as the CRM will show it; null: there was none, or nobody knows it. */
  call: CallNews | null;
}

export interface Held {
  jobId: number;
  runId: number;
  businessId: number;
  token: string;
}

/**
 * Ends a live job, once, in one statement: a second caller, or one whose token is not the job's any more, or whose call is
 * not the job's, finds no row and changes nothing. Locks the run, then the job; a caller in a transaction may hold the job's
 * lock only if it took the run's before.
 * @returns whether this call ended it
 */
export async function endJob(
  on: Queryable,
  { token }: Pick<Held, "token">,
  end: JobEnd,
  actor: string,
): Promise<boolean> {
  const call = end.call ?? { sid: null, status: null, durationSeconds: null };
  const detail = { status: end.status, outcome: end.outcome, ...(end.errorCode ? { code: end.errorCode } : {}) };
  const ended = await row<{ businessId: number; woken: boolean }>(
    on,
    sql`
    with attempt as materialized (
      select job_id, run_id, business_id, from_number, to_number from outbound_call_attempts where token = ${token}
    ), run as (
      select r.id, r.status
        from outbound_call_runs r
        join attempt on r.id = attempt.run_id and r.business_id = attempt.business_id
       where r.engine = 'ringpost'
         for no key update of r
    ), held as (
      select j.id, j.business_id, j.lead_id, j.project_id, j.lead_name
        from outbound_call_jobs j
        join attempt on j.id = attempt.job_id and j.business_id = attempt.business_id
        join run on run.id = j.run_id
       where j.dial_lock_token = ${token} and j.status in ('dialing', 'calling')
         and (j.call_sid is null or ${call.sid}::text is null or j.call_sid = ${call.sid}::text)
         for no key update of j
    ), logged as (
      ${recording(call as CallNews, sql`held, attempt where ${call.sid}::text is not null`)}
    ), moment as materialized (
      select clock_timestamp() as at from held
    ), ended as (
      update outbound_call_jobs j
         set status = ${end.status}, outcome = ${end.outcome}, call_status = coalesce(${call.status}, j.call_status),
             error_message = ${end.errorMessage}, error_code = ${end.errorCode}, completed_at = moment.at::timestamp,
             active_number = null,
             call_sid = coalesce(j.call_sid, ${call.sid}), twilio_call_sid = coalesce(j.twilio_call_sid, ${call.sid}),
             call_log_id = coalesce(j.call_log_id, (select id from logged))
        from held, moment
       where j.id = held.id
      returning j.id
    ), freed as (
      delete from outbound_call_slots s using ended where s.job_id = ended.id and s.token = ${token}
    ), closed as (
      update outbound_call_attempts a
         set closed_at = moment.at, settled_at = coalesce(a.settled_at, moment.at), news_at = moment.at,
             call_sid = coalesce(a.call_sid, ${call.sid}), error_code = ${end.errorCode},
             result = case when coalesce(a.call_sid, ${call.sid}) is not null then 'placed' else ${end.outcome} end
        from ended, moment
       where a.token = ${token}
    ), noted as (
      insert into outbound_run_events (run_id, business_id, job_id, kind, actor, detail)
      select attempt.run_id, attempt.business_id, ended.id, 'job.ended', ${actor}, ${JSON.stringify(detail)}::jsonb
        from ended, attempt
    ), counted as (
      update outbound_call_runs r
         set ${counting({ inProgress: -1, [end.status]: 1 }, sql`moment.at::timestamp`)}
        from ended, run, moment
       where r.id = run.id
      returning r.id, r.business_id, r.status, r.queued_count
    ), over as (
      insert into outbound_run_events (run_id, business_id, kind, actor, detail)
      select counted.id, counted.business_id, 'run.' || counted.status, 'queue', '{}'
        from counted, run
       where run.status in ('pending', 'running') and counted.status not in ('pending', 'running')
    )
    select business_id as "businessId",
           case when status in ('pending', 'running') and queued_count > 0
                  or exists (select from outbound_call_runs w
                              where w.business_id = counted.business_id and w.status in ('pending', 'running')
                                and w.queued_count > 0 and w.engine = 'ringpost' and w.id <> counted.id)
                then ringpost.add_job('dispatch_calls', json_build_object('businessId', business_id), 'dispatch:' || business_id)
           end is not null as woken
      from counted`,
  );
  if (!ended) return false;
  // Another run that was enqueued while this statement waited for its locks found no free slot, and was not seen by it.
  if (!ended.woken) await wakeIfWaiting(on, ended.businessId);
  return true;
}
