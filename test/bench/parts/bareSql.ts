// The yardstick of row 1: the three transactions of a call (claim and slot; SID; end and release) as bare SQL, written out
// as the product does them: the same tables, rows, guards and audit events, without HTTP, Graphile, Drizzle or begun mark.
// Prepared, and in as few statements as the order of locks allows: what is compared with has to be good.
import type pg from "pg";
import { DISPATCH_CLASS } from "../../../db/locks.ts";

const NOW = "clock_timestamp()::timestamp";

const BUSINESS = `
  select coalesce(b.is_active, true) and coalesce(b.calls_enabled, true) as enabled, coalesce(s.max_calls, 3) as "limit",
         array(select slot_no from outbound_call_slots where business_id = b.id order by slot_no) as taken
    from business b left join outbound_business_settings s on s.business_id = b.id
   where b.id = $1`;

const RUNS = `
  select id from outbound_call_runs
   where business_id = $1 and status in ('pending', 'running') and not cancel_requested and engine = 'ringpost'
     and queued_count > 0 and in_progress_count < concurrency
   order by in_progress_count, last_served_at nulls first, id
   limit 64
     for no key update`;

const CLAIM = `
  with picked as (
    select id from outbound_call_jobs
     where run_id = $2 and status = 'queued' and business_id = $1
     order by id limit 1 for update skip locked
  ), claimed as (
    update outbound_call_jobs j
       set status = 'dialing', dial_lock_token = $4, dial_started_at = ${NOW}, started_at = coalesce(started_at, ${NOW}),
           call_status = null, attempts = attempts + 1
      from picked
     where j.id = picked.id and j.status = 'queued'
    returning j.id, j.run_id, j.to_number
  ), slotted as (
    insert into outbound_call_slots (business_id, slot_no, job_id, run_id, token, expires_at)
    select $1, $3, id, run_id, $4, clock_timestamp() + interval '630 s' from claimed
  ), attempted as (
    insert into outbound_call_attempts (token, job_id, run_id, business_id, worker_id, from_number, to_number)
    select $4, id, run_id, $1, $5, $6, to_number from claimed
  ), noted as (
    insert into outbound_run_events (run_id, business_id, job_id, kind, actor)
    select run_id, $1, id, 'job.dialing', 'worker:bench' from claimed
  ), counted as (
    update outbound_call_runs r
       set queued_count = queued_count - 1, in_progress_count = in_progress_count + 1, status = 'running',
           started_at = coalesce(started_at, ${NOW}), locked_by_worker = 'bench', worker_id = $5, lock_ts = ${NOW},
           last_served_at = clock_timestamp(), updated_at = ${NOW}
      from claimed where r.id = claimed.run_id
  )
  select id, to_number as "to" from claimed`;

const LOCK_JOB = `
  select status from outbound_call_jobs where id = $1 and business_id = $2 for no key update`;

const CALLING = `
  with logged as (
    insert into call_log (business_id, lead_id, project_id, call_sid, from_number, to_number, direction, status, call_status,
                          customer_name)
    select business_id, lead_id, project_id, $3, $5, to_number, 'outbound', 'queued', 'queued', lead_name
      from outbound_call_jobs where id = $1 and business_id = $2
    on conflict (call_sid) do update set status = excluded.status
    returning id
  ), moved as (
    update outbound_call_jobs j
       set status = 'calling', call_status = 'queued', call_sid = $3, twilio_call_sid = $3, call_log_id = logged.id
      from logged
     where j.id = $1 and j.business_id = $2 and j.dial_lock_token = $4 and j.status in ('dialing', 'calling')
    returning j.id, j.run_id
  ), attempted as (
    update outbound_call_attempts set call_sid = $3, begun_at = coalesce(begun_at, clock_timestamp()),
           settled_at = clock_timestamp(), news_at = clock_timestamp(), result = 'placed'
     where token = $4
  )
  insert into outbound_run_events (run_id, business_id, job_id, kind, actor, detail)
  select run_id, $2, id, 'job.calling', 'queue', jsonb_build_object('call_sid', $3::text) from moved`;

const LOCK_RUN = `
  select status from outbound_call_runs where id = $1 and business_id = $2 and engine = 'ringpost' for no key update`;

const ENDED = `
  with logged as (
    update call_log set status = 'completed', call_status = 'completed', duration = 0, updated_at = ${NOW}
     where call_sid = $4 and business_id = $2
  ), ended as (
    update outbound_call_jobs
       set status = 'completed', outcome = 'completed', call_status = 'completed', completed_at = ${NOW}, active_number = null
     where id = $3 and business_id = $2 and dial_lock_token = $5 and status in ('dialing', 'calling')
    returning id
  ), freed as (
    delete from outbound_call_slots s using ended where s.job_id = ended.id and s.token = $5
  ), closed as (
    update outbound_call_attempts a set closed_at = clock_timestamp(), news_at = clock_timestamp(), result = 'placed'
      from ended where a.token = $5
  ), noted as (
    insert into outbound_run_events (run_id, business_id, job_id, kind, actor, detail)
    select $1, $2, id, 'job.ended', 'carrier', '{"status":"completed","outcome":"completed"}'::jsonb from ended
  )
  update outbound_call_runs r
     set in_progress_count = in_progress_count - 1, completed_count = completed_count + 1, cursor_position = cursor_position + 1,
         status = case when over.now then 'completed' else r.status end, ended_at = case when over.now then over.at else r.ended_at end,
         completed_at = case when over.now then over.at else r.completed_at end, updated_at = over.at
    from (select queued_count = 0 and in_progress_count = 1 as now, ${NOW} as at
            from outbound_call_runs where id = $1) over, ended
   where r.id = $1 and r.business_id = $2`;

export interface BareCall {
  businessId: number;
  runId: number;
  from: string;
  slotNo: number;
  token: string;
  sid: string;
  jobId: number;
}

const run = (client: pg.ClientBase, name: string, text: string, values: unknown[]) =>
  client.query({ name, text, values });

/** @returns the claimed job's id; undefined when nobody is queued any more */
export async function claim(
  client: pg.ClientBase,
  call: Omit<BareCall, "jobId">,
  workerId: string,
): Promise<number | undefined> {
  const { businessId, slotNo, token, from } = call;
  // First the lock, and the counting in the next statement.
  await client.query(`begin; select pg_advisory_xact_lock(${DISPATCH_CLASS}, ${businessId})`);
  await run(client, "business", BUSINESS, [businessId]);
  const runs = await run(client, "runs", RUNS, [businessId]);
  const runId = (runs.rows[0] as { id: number } | undefined)?.id;
  const claimed =
    runId === undefined
      ? undefined
      : await run(client, "claim", CLAIM, [businessId, runId, slotNo, token, workerId, from]);
  await client.query("commit");
  return (claimed?.rows[0] as { id: number } | undefined)?.id;
}

export async function recordSid(
  client: pg.ClientBase,
  { jobId, businessId, sid, token, from }: BareCall,
): Promise<void> {
  await client.query("begin");
  await run(client, "lock job", LOCK_JOB, [jobId, businessId]);
  await run(client, "calling", CALLING, [jobId, businessId, sid, token, from]);
  await client.query("commit");
}

export async function end(client: pg.ClientBase, { runId, businessId, jobId, sid, token }: BareCall): Promise<void> {
  await client.query("begin");
  await run(client, "lock run", LOCK_RUN, [runId, businessId]);
  await run(client, "ended", ENDED, [runId, businessId, jobId, sid, token]);
  await client.query("commit");
}
