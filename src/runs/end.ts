// The end of a job: it leaves its slot, its counters move, its run ends if nothing is left, and the next lead is called.
import { sql } from "drizzle-orm";
import type { Queryable } from "../../db/client.ts";
import { statement } from "../../db/statement.ts";
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
  /** false: the call gets no row in call_log, which refused one. */
  logged?: boolean;
  /**
   * Does not wait for the disk where the call's SID is known already: a crash of the server that forgets its end forgets
   * all that came after it too, the next claim included, and the carrier is asked again by the SID.
   */
  lazily?: boolean;
}

export interface Held {
  jobId: number;
  runId: number;
  businessId: number;
  token: string;
}

interface Ending {
  token: string;
  /** The job's status; what it counts as is in `completed` and `failed`. */
  ended: string;
  outcome: string;
  errorMessage: string | null;
  errorCode: string | null;
  sid: string | null;
  /** Twilio's word. */
  status: string | null;
  durationSeconds: number | null;
  completed: 0 | 1;
  failed: 0 | 1;
  lazily: boolean;
  actor: string;
  detail: string;
  logged: boolean;
}

const endHeld = statement<Ending, { businessId: number; woken: boolean }>(
  "end_job",
  (v) => sql`
    with attempt as materialized (
      select job_id, run_id, business_id, from_number, to_number from outbound_call_attempts where token = ${v.token}
    ), run as (
      select r.id, r.status
        from outbound_call_runs r
        join attempt on r.id = attempt.run_id and r.business_id = attempt.business_id
       where r.engine = 'ringpost'
         for no key update of r
    ), held as (
      select j.id, j.business_id, j.lead_id, j.project_id, j.lead_name, j.call_sid as known_sid
        from outbound_call_jobs j
        join attempt on j.id = attempt.job_id and j.business_id = attempt.business_id
        join run on run.id = j.run_id
       where j.dial_lock_token = ${v.token} and j.status in ('dialing', 'calling')
         and (j.call_sid is null or ${v.sid}::text is null or j.call_sid = ${v.sid}::text)
         -- A refusal of a POST whose call is known: something on the way has repeated it, and the call goes on.
         and (j.call_sid is null or ${v.outcome}::text <> 'rejected')
         for no key update of j
    ), logged as (
      ${recording(v, sql`held, attempt where ${v.sid}::text is not null and ${v.logged}::boolean`)}
    ), moment as materialized (
      select clock_timestamp() as at from held
    ), ended as (
      update outbound_call_jobs j
         set status = ${v.ended}, outcome = ${v.outcome}, call_status = coalesce(${v.status}, j.call_status),
             error_message = ${v.errorMessage}, error_code = ${v.errorCode}, completed_at = moment.at::timestamp,
             active_number = null,
             call_sid = coalesce(j.call_sid, ${v.sid}), twilio_call_sid = coalesce(j.twilio_call_sid, ${v.sid}),
             call_log_id = coalesce(j.call_log_id, (select id from logged))
        from held, moment
       where j.id = held.id
      returning j.id
    ), freed as (
      delete from outbound_call_slots s using ended where s.job_id = ended.id and s.token = ${v.token}
    ), closed as (
      update outbound_call_attempts a
         set closed_at = moment.at, settled_at = coalesce(a.settled_at, moment.at), news_at = moment.at,
             call_sid = coalesce(a.call_sid, ${v.sid}), error_code = ${v.errorCode},
             result = case when coalesce(a.call_sid, ${v.sid}) is not null then 'placed' else ${v.outcome} end
        from ended, moment
       where a.token = ${v.token}
    ), noted as (
      insert into outbound_run_events (run_id, business_id, job_id, kind, actor, detail)
      select attempt.run_id, attempt.business_id, ended.id, 'job.ended', ${v.actor}, ${v.detail}::jsonb
        from ended, attempt
    ), counted as (
      update outbound_call_runs r
         set ${counting({ inProgress: -1, completed: v.completed, failed: v.failed }, sql`moment.at::timestamp`)}
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
           end is not null as woken,
           case when ${v.lazily}::boolean and exists (select from held where known_sid is not null)
                then set_config('synchronous_commit', 'off', true) end as lazily
      from counted`,
);

/**
 * Ends a live job, once, in one statement: a second caller, or one whose token is not the job's any more, or whose call is
 * not the job's, or who tells of a refusal where there is a call, finds no row and changes nothing. Locks the run, then the job; a caller in a transaction may hold the job's
 * lock only if it took the run's before.
 * @returns whether this call ended it
 */
export async function endJob(
  on: Queryable,
  { token }: Pick<Held, "token">,
  end: JobEnd,
  actor: string,
): Promise<boolean> {
  const { status: ended, outcome, errorMessage, errorCode } = end;
  const { sid, status, durationSeconds } = end.call ?? { sid: null, status: null, durationSeconds: null };
  const [done] = await endHeld(on, {
    token,
    ended,
    outcome,
    errorMessage,
    errorCode,
    sid,
    status,
    durationSeconds,
    completed: ended === "completed" ? 1 : 0,
    failed: ended === "failed" ? 1 : 0,
    actor,
    logged: end.logged ?? true,
    lazily: end.lazily ?? false,
    detail: JSON.stringify({ status: ended, outcome, ...(errorCode ? { code: errorCode } : {}) }),
  });
  if (!done) return false;
  // Another run that was enqueued while this statement waited for its locks found no free slot, and was not seen by it.
  if (!done.woken) await wakeIfWaiting(on, done.businessId);
  return true;
}
