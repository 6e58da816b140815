-- The rows that an old system left behind, made fit for the rules of 0021. Nothing is deleted: what cannot stay is moved to
-- the tables ..._removed, whole, with the reason; what is changed leaves an event in the run's audit trail. The old
-- application may be at work meanwhile; rows of ours (engine 'ringpost') are left alone.
create table if not exists outbound_call_runs_removed (
  id          bigserial   primary key,
  run_id      integer     not null,
  business_id integer,
  reason      varchar(32) not null,
  old_row     jsonb       not null,
  removed_at  timestamptz not null default clock_timestamp()
);
--> statement-breakpoint
create table if not exists outbound_call_jobs_removed (
  id          bigserial   primary key,
  job_id      integer     not null,
  run_id      integer,
  lead_id     integer,
  business_id integer,
  reason      varchar(32) not null,
  old_row     jsonb       not null,
  removed_at  timestamptz not null default clock_timestamp()
);
--> statement-breakpoint
select ringpost.bind_to_tenant(name::regclass)
  from unnest(array['outbound_call_runs_removed', 'outbound_call_jobs_removed']) name;
--> statement-breakpoint
-- The old application knows nothing of jobs.business_id. From here on its new rows get it, while the others are filled below.
create or replace function ringpost_job_of_run() returns trigger language plpgsql set search_path from current as $$
begin
  select business_id into new.business_id from outbound_call_runs where id = new.run_id;
  return new;
end $$;
--> statement-breakpoint
create or replace trigger ringpost_job_of_run before insert or update on outbound_call_jobs
  for each row when (new.business_id is null) execute function ringpost_job_of_run();
--> statement-breakpoint
-- An explicit NULL was allowed once.
create or replace function ringpost_run_defaults() returns trigger language plpgsql as $$
begin
  new.cancel_requested := false;
  return new;
end $$;
--> statement-breakpoint
create or replace trigger ringpost_run_defaults before insert or update on outbound_call_runs
  for each row when (new.cancel_requested is null) execute function ringpost_run_defaults();
--> statement-breakpoint
-- Needed by what follows, and by the CRM.
create index concurrently if not exists idx_outbound_call_jobs_run_id on outbound_call_jobs (run_id);
--> statement-breakpoint
-- ringpost:repeat: jobs moved aside, because their run or lead is missing or another business's
with odd as materialized (
  select j.id,
         case when j.run_id is null then 'no_run_id'
              when r.id is null then 'run_gone'
              when b.id is null then 'business_gone'
              when j.lead_id is null then 'no_lead_id'
              when l.id is null then 'lead_gone'
              else 'other_business' end as reason
    from outbound_call_jobs j
    left join outbound_call_runs r on r.id = j.run_id
    left join business b on b.id = r.business_id
    left join leads l on l.id = j.lead_id
   where r.engine is distinct from 'ringpost'
     and (b.id is null or l.id is null or l.tenant_id is distinct from r.business_id)
   limit 5000
), gone as (
  delete from outbound_call_jobs j using odd where j.id = odd.id returning j.*, odd.reason
), kept as (
  insert into outbound_call_jobs_removed (job_id, run_id, lead_id, business_id, reason, old_row)
  select id, run_id, lead_id, business_id, reason, to_jsonb(gone) - 'reason' from gone
  returning reason
)
select count(*)::int as n from kept;
--> statement-breakpoint
-- ringpost:repeat: runs moved aside, because their business is missing
with odd as materialized (
  select r.id, case when r.business_id is null then 'no_business_id' else 'business_gone' end as reason
    from outbound_call_runs r
    left join business b on b.id = r.business_id
   where b.id is null and r.engine <> 'ringpost'
     and not exists (select from outbound_call_jobs j where j.run_id = r.id)
   limit 5000
), gone as (
  delete from outbound_call_runs r using odd where r.id = odd.id returning r.*, odd.reason
), kept as (
  insert into outbound_call_runs_removed (run_id, business_id, reason, old_row)
  select id, business_id, reason, to_jsonb(gone) - 'reason' from gone
  returning reason
)
select count(*)::int as n from kept;
--> statement-breakpoint
-- The oldest row of a lead stays. If it was still waiting while a younger one had been called, it takes over how that one
-- went: the lead must not be called again.
-- ringpost:repeat: jobs moved aside, because their run has the lead twice
with numbered as (
  select id, first_value(id) over same as oldest, row_number() over same as place
    from outbound_call_jobs
  window same as (partition by run_id, lead_id order by id)
), extra as materialized (
  select id, oldest from numbered where place > 1 order by id limit 5000
), gone as (
  delete from outbound_call_jobs j using extra where j.id = extra.id returning j.*, extra.oldest
), called as (
  select distinct on (oldest) * from gone
   where coalesce(call_sid, twilio_call_sid, dial_lock_token) is not null or dial_started_at is not null
      or lower(trim(status)) not in ('queued', 'pending', 'new', 'waiting', 'scheduled', 'created', 'cancelled', 'canceled')
   order by oldest, coalesce(call_sid, twilio_call_sid) is null, id
), told as (
  update outbound_call_jobs j
     set status = c.status, call_sid = c.call_sid, twilio_call_sid = c.twilio_call_sid, dial_started_at = c.dial_started_at,
         dial_lock_token = c.dial_lock_token, started_at = c.started_at, completed_at = c.completed_at,
         call_log_id = c.call_log_id, error_message = c.error_message
    from called c
   where j.id = c.oldest and coalesce(j.call_sid, j.twilio_call_sid, j.dial_lock_token) is null and j.dial_started_at is null
     and coalesce(lower(trim(j.status)), '') in ('', 'queued', 'pending', 'new', 'waiting', 'scheduled', 'created')
), kept as (
  insert into outbound_call_jobs_removed (job_id, run_id, lead_id, business_id, reason, old_row)
  select id, run_id, lead_id, business_id, 'duplicate', to_jsonb(gone) - 'oldest' from gone
  returning reason
)
select count(*)::int as n from kept;
--> statement-breakpoint
-- The words of old versions for the states. What is not listed here is nobody's word: such a job or run counts as failed.
create or replace function ringpost.job_status_of(word text, called boolean, ended boolean) returns text language sql immutable as $$
  select case
    when word in ('queued', 'dialing', 'calling', 'completed', 'failed', 'cancelled') then word
    when word in ('pending', 'new', 'waiting', 'scheduled', 'created') then 'queued'
    when word in ('dialling', 'initiating', 'initiated', 'starting') then 'dialing'
    when word in ('in_progress', 'in-progress', 'inprogress', 'ringing', 'active', 'connected') then 'calling'
    when word in ('done', 'finished', 'complete', 'success', 'answered') then 'completed'
    when word in ('canceled', 'cancelling', 'canceling', 'stopped', 'stopping', 'skipped') then 'cancelled'
    when word = '' and not called and not ended then 'queued'
    else 'failed' end
$$;
--> statement-breakpoint
create or replace function ringpost.run_status_of(word text, ended boolean) returns text language sql immutable as $$
  select case
    when word in ('pending', 'running', 'completed', 'cancelled', 'failed', 'stopped') then word
    when word in ('queued', 'new', 'waiting', 'scheduled', 'created') then 'pending'
    when word in ('in_progress', 'in-progress', 'inprogress', 'active', 'started', 'processing', 'dialing', 'dialling', 'calling') then 'running'
    when word in ('done', 'finished', 'complete', 'success') then 'completed'
    when word in ('canceled', 'cancelling', 'canceling') then 'cancelled'
    when word = 'stopping' then 'stopped'
    when word = '' and ended then 'completed'
    else 'failed' end
$$;
--> statement-breakpoint
-- ringpost:walk outbound_call_jobs: jobs filled in or corrected (business, state, call)
with was as (
  select j.id, j.run_id, r.business_id, j.business_id as old_business, j.status as old_status, j.call_log_id as old_call,
         ringpost.job_status_of(coalesce(lower(trim(j.status)), ''),
           coalesce(j.call_sid, j.twilio_call_sid, j.dial_lock_token) is not null or j.dial_started_at is not null,
           j.completed_at is not null) as status,
         c.id as call
    from outbound_call_jobs j
    join outbound_call_runs r on r.id = j.run_id
    left join call_log c on c.id = j.call_log_id
   where j.id > $1 and j.id <= $2 and r.engine <> 'ringpost'
), changed as (
  update outbound_call_jobs j
     set business_id = w.business_id, status = w.status, call_log_id = w.call,
         error_message = case when w.status = 'failed' and lower(trim(w.old_status)) is distinct from 'failed'
                              then coalesce(j.error_message, concat('status of the old system: ', coalesce(w.old_status, 'none')))
                              else j.error_message end
    from was w
   where j.id = w.id
     and (j.business_id, j.status, j.call_log_id) is distinct from (w.business_id, w.status, w.call)
  returning w.*
), noted as (
  insert into outbound_run_events (run_id, business_id, job_id, kind, actor, detail)
  select run_id, business_id, id, 'job.upgraded', 'migrate',
         jsonb_strip_nulls(jsonb_build_object(
           'status', case when status is distinct from old_status then coalesce(old_status, 'NULL') end,
           'business_id', case when old_business <> business_id then old_business end,
           'call_log_gone', case when call is distinct from old_call then old_call end))
    from changed
   where status is distinct from old_status or old_business <> business_id or call is distinct from old_call
)
select count(*)::int as n from changed;
--> statement-breakpoint
-- Counters are recomputed for runs that have ended; those of an open run are the old worker's until the cut-over.
-- ringpost:walk outbound_call_runs: runs filled in or corrected (state, times, counters, references)
with was as (
  select r.*, r.status as old_status,
         ringpost.run_status_of(coalesce(lower(trim(r.status)), ''), coalesce(r.ended_at, r.completed_at) is not null) as word
    from outbound_call_runs r
   where r.id > $1 and r.id <= $2 and r.engine <> 'ringpost'
), fit as (
  select w.id, w.business_id, w.old_status, w.word as status, w.outbound_list_id as old_list, w.created_by_user_id as old_user,
         l.id as list, u.id as creator, w.last_error as old_error,
         case when w.word not in ('pending', 'running') then coalesce(w.ended_at, w.completed_at, w.updated_at, w.started_at, w.created_at) end as ended,
         coalesce(w.updated_at, w.ended_at, w.completed_at, w.started_at, w.created_at) as updated,
         coalesce(w.cancel_requested, false) or coalesce(lower(trim(w.status)), '') in ('stopping', 'cancelling', 'canceling') as cancel,
         to_jsonb(array[w.total_leads, w.queued_count, w.in_progress_count, w.completed_count, w.failed_count, w.cancelled_count, w.cursor_position]) as old_counts,
         w.word not in ('pending', 'running') as over, n.*,
         w.total_leads, w.queued_count, w.in_progress_count, w.completed_count, w.failed_count, w.cancelled_count, w.cursor_position
    from was w
    left join outbound_lead_lists l on l.id = w.outbound_list_id and l.tenant_id = w.business_id
    left join users u on u.id = w.created_by_user_id
   cross join lateral (
     select count(*)::int as jobs, count(*) filter (where j.status = 'queued')::int as queued,
            count(*) filter (where j.status in ('dialing', 'calling'))::int as live,
            count(*) filter (where j.status = 'completed')::int as completed,
            count(*) filter (where j.status = 'failed')::int as failed,
            count(*) filter (where j.status = 'cancelled')::int as cancelled
       from outbound_call_jobs j where j.run_id = w.id) n
), aim as (
  select f.*,
         case when over then jobs else coalesce(total_leads, 0) end as new_total,
         case when over then queued else coalesce(queued_count, 0) end as new_queued,
         case when over then live else coalesce(in_progress_count, 0) end as new_live,
         case when over then completed else coalesce(completed_count, 0) end as new_completed,
         case when over then failed else coalesce(failed_count, 0) end as new_failed,
         case when over then cancelled else coalesce(cancelled_count, 0) end as new_cancelled,
         case when over then completed + failed + cancelled else coalesce(cursor_position, 0) end as new_cursor
    from fit f
), changed as (
  update outbound_call_runs r
     set status = a.status, outbound_list_id = a.list, created_by_user_id = a.creator, cancel_requested = a.cancel,
         ended_at = coalesce(r.ended_at, a.ended), completed_at = coalesce(r.completed_at, r.ended_at, a.ended), updated_at = a.updated,
         total_leads = a.new_total, queued_count = a.new_queued, in_progress_count = a.new_live, completed_count = a.new_completed,
         failed_count = a.new_failed, cancelled_count = a.new_cancelled, cursor_position = a.new_cursor,
         last_error = case when a.status = 'failed' and lower(trim(a.old_status)) is distinct from 'failed'
                           then coalesce(r.last_error, concat('status of the old system: ', coalesce(a.old_status, 'none')))
                           else r.last_error end
    from aim a
   where r.id = a.id
     and (r.status, r.outbound_list_id, r.created_by_user_id, r.cancel_requested, r.ended_at, r.completed_at, r.updated_at, r.total_leads,
          r.queued_count, r.in_progress_count, r.completed_count, r.failed_count, r.cancelled_count, r.cursor_position)
         is distinct from
         (a.status, a.list, a.creator, a.cancel, coalesce(r.ended_at, a.ended), coalesce(r.completed_at, r.ended_at, a.ended), a.updated, a.new_total,
          a.new_queued, a.new_live, a.new_completed, a.new_failed, a.new_cancelled, a.new_cursor)
  returning a.*
), noted as (
  insert into outbound_run_events (run_id, business_id, kind, actor, detail)
  select id, business_id, 'run.upgraded', 'migrate',
         jsonb_strip_nulls(jsonb_build_object(
           'status', case when status is distinct from old_status then coalesce(old_status, 'NULL') end,
           'list_gone', case when list is distinct from old_list then old_list end,
           'user_gone', case when creator is distinct from old_user then old_user end,
           'counters', case when recount then old_counts end))
    from (select c.*, old_counts is distinct from
                 to_jsonb(array[new_total, new_queued, new_live, new_completed, new_failed, new_cancelled, new_cursor]) as recount
            from changed c) c
   where status is distinct from old_status or list is distinct from old_list or creator is distinct from old_user or recount
)
select count(*)::int as n from changed;
