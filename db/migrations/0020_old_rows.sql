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
-- The old application may change a row while a statement is on its way to it. Such a statement waits, and then works with
-- what it read before: it would write an old state over a new one, and a person who is being called would wait in the queue
-- again. So each function below first locks the rows that need it, in the order of their ids, and looks at them again in a
-- statement of its own, which sees what the lock waited for. (In READ COMMITTED each statement of a function sees the newest
-- rows. Batches differ a hundredfold in size, hence no plan is kept. Columns are always named with their table, because an
-- old table may have further ones of any name.)
create or replace function pg_temp.odd_jobs() returns table (id integer, why text) language sql stable as $$
  select j.id,
         case when j.run_id is null then 'no_run_id'
              when r.id is null then 'run_gone'
              when b.id is null then 'business_gone'
              when j.lead_id is null then 'no_lead_id'
              when l.id is null then 'lead_gone'
              else 'other_business' end
    from outbound_call_jobs j
    left join outbound_call_runs r on r.id = j.run_id
    left join business b on b.id = r.business_id
    left join leads l on l.id = j.lead_id
   where r.engine is distinct from 'ringpost'
     and (b.id is null or l.id is null or l.tenant_id is distinct from r.business_id)
$$;
--> statement-breakpoint
create or replace function pg_temp.move_odd_jobs() returns integer language plpgsql set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_variable
declare
  locked integer[];
  moved integer;
begin
  loop
    locked := array(
      select j.id from outbound_call_jobs j where j.id in (select o.id from pg_temp.odd_jobs() o limit 5000) order by j.id for update);
    with gone as (
      delete from outbound_call_jobs j using pg_temp.odd_jobs() o
       where j.id = o.id and o.id = any (locked)
      returning j.id, j.run_id, j.lead_id, j.business_id, o.why, to_jsonb(j.*) as old_row
    ), kept as (
      insert into outbound_call_jobs_removed (job_id, run_id, lead_id, business_id, reason, old_row)
      select g.id, g.run_id, g.lead_id, g.business_id, g.why, g.old_row from gone g
      returning job_id
    )
    select count(*) into moved from kept;
    -- None of those found was odd any more: there may be others.
    if moved > 0 or locked = '{}' then
      return moved;
    end if;
  end loop;
end $$;
--> statement-breakpoint
-- ringpost:repeat: jobs moved aside, because their run or lead is missing or another business's
select pg_temp.move_odd_jobs() as n;
--> statement-breakpoint
create or replace function pg_temp.odd_runs() returns table (id integer, why text) language sql stable as $$
  select r.id, case when r.business_id is null then 'no_business_id' else 'business_gone' end
    from outbound_call_runs r
    left join business b on b.id = r.business_id
   where b.id is null and r.engine <> 'ringpost'
     and not exists (select from outbound_call_jobs j where j.run_id = r.id)
$$;
--> statement-breakpoint
create or replace function pg_temp.move_odd_runs() returns integer language plpgsql set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_variable
declare
  locked integer[];
  moved integer;
begin
  loop
    locked := array(
      select r.id from outbound_call_runs r where r.id in (select o.id from pg_temp.odd_runs() o limit 5000) order by r.id for update);
    with gone as (
      delete from outbound_call_runs r using pg_temp.odd_runs() o
       where r.id = o.id and o.id = any (locked)
      returning r.id, r.business_id, o.why, to_jsonb(r.*) as old_row
    ), kept as (
      insert into outbound_call_runs_removed (run_id, business_id, reason, old_row)
      select g.id, g.business_id, g.why, g.old_row from gone g
      returning run_id
    )
    select count(*) into moved from kept;
    if moved > 0 or locked = '{}' then
      return moved;
    end if;
  end loop;
end $$;
--> statement-breakpoint
-- ringpost:repeat: runs moved aside, because their business is missing
select pg_temp.move_odd_runs() as n;
--> statement-breakpoint
-- The oldest row of a lead stays. If it was still waiting while a younger one had been called, or may have been, it takes
-- over how that one went: the lead must not be called again. In the first versions the only trace of a call are its times.
create or replace function pg_temp.move_second_jobs() returns integer language plpgsql set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_variable
declare
  locked integer[];
  moved integer;
begin
  loop
    locked := array(
      select j.id from outbound_call_jobs j
       where (j.run_id, j.lead_id) in (select d.run_id, d.lead_id from outbound_call_jobs d group by d.run_id, d.lead_id having count(*) > 1 limit 2500)
       order by j.id for update);
    with numbered as (
      select j.id, first_value(j.id) over same as oldest, row_number() over same as place
        from outbound_call_jobs j
       where j.id = any (locked)
      window same as (partition by j.run_id, j.lead_id order by j.id)
    ), gone as (
      delete from outbound_call_jobs j using numbered m
       where j.id = m.id and m.place > 1
      returning m.oldest, j.id, j.run_id, j.lead_id, j.business_id, j.status, j.call_sid, j.twilio_call_sid, j.dial_started_at, j.dial_lock_token,
                j.started_at, j.completed_at, j.call_log_id, j.error_message, to_jsonb(j.*) as old_row
    ), called as (
      select distinct on (g.oldest) g.*
        from gone g
       where num_nonnulls(g.call_sid, g.twilio_call_sid, g.dial_lock_token, g.dial_started_at, g.started_at) > 0
          or g.completed_at is not null and coalesce(lower(trim(g.status)), '') not in ('cancelled', 'canceled')
          or lower(trim(g.status)) not in ('queued', 'pending', 'new', 'waiting', 'scheduled', 'created', 'cancelled', 'canceled')
       order by g.oldest, coalesce(g.call_sid, g.twilio_call_sid) is null, g.id
    ), told as (
      update outbound_call_jobs j
         set status = c.status, call_sid = c.call_sid, twilio_call_sid = c.twilio_call_sid, dial_started_at = c.dial_started_at,
             dial_lock_token = c.dial_lock_token, started_at = c.started_at, completed_at = c.completed_at,
             call_log_id = c.call_log_id, error_message = c.error_message
        from called c
       where j.id = c.oldest
         and coalesce(j.call_sid, j.twilio_call_sid) is null
         and (coalesce(c.call_sid, c.twilio_call_sid) is not null or num_nonnulls(j.dial_lock_token, j.dial_started_at, j.started_at, j.completed_at) = 0)
         and coalesce(lower(trim(j.status)), '') in ('', 'queued', 'pending', 'new', 'waiting', 'scheduled', 'created')
    ), kept as (
      insert into outbound_call_jobs_removed (job_id, run_id, lead_id, business_id, reason, old_row)
      select g.id, g.run_id, g.lead_id, g.business_id, 'duplicate', g.old_row from gone g
      returning job_id
    )
    select count(*) into moved from kept;
    if moved > 0 or locked = '{}' then
      return moved;
    end if;
  end loop;
end $$;
--> statement-breakpoint
-- ringpost:repeat: jobs moved aside, because their run has the lead twice
select pg_temp.move_second_jobs() as n;
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
create or replace function pg_temp.jobs_to_correct(low integer, high integer)
returns table (id integer, run_id integer, business_id integer, status text, call integer, old_business integer, old_status text, old_call integer)
language sql stable as $$
  select j.id, j.run_id, r.business_id, s.status, case when c.id is not null then j.call_log_id end, j.business_id, j.status::text, j.call_log_id
    from outbound_call_jobs j
    join outbound_call_runs r on r.id = j.run_id
    left join call_log c on c.id = j.call_log_id
   cross join lateral (
     select ringpost.job_status_of(coalesce(lower(trim(j.status)), ''),
              num_nonnulls(j.call_sid, j.twilio_call_sid, j.dial_lock_token, j.dial_started_at, j.started_at) > 0,
              j.completed_at is not null) as status) s
   where j.id > $1 and j.id <= $2 and r.engine <> 'ringpost'
     and (j.business_id is distinct from r.business_id or j.status is distinct from s.status or c.id is null and j.call_log_id is not null)
$$;
--> statement-breakpoint
create or replace function pg_temp.correct_jobs(low integer, high integer) returns integer
language plpgsql set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_variable
declare
  locked integer[] := array(
    select j.id from outbound_call_jobs j
     where j.id in (select f.id from pg_temp.jobs_to_correct(low, high) f) order by j.id for no key update);
  corrected integer;
begin
  with changed as (
    update outbound_call_jobs j
       set business_id = f.business_id, status = f.status, call_log_id = f.call,
           error_message = case when f.status = 'failed' and lower(trim(f.old_status)) is distinct from 'failed'
                                then coalesce(j.error_message, concat('status of the old system: ', coalesce(f.old_status, 'none')))
                                else j.error_message end
      from pg_temp.jobs_to_correct(low, high) f
     where j.id = f.id and f.id = any (locked)
    returning f.*
  ), noted as (
    insert into outbound_run_events (run_id, business_id, job_id, kind, actor, detail)
    select c.run_id, c.business_id, c.id, 'job.upgraded', 'migrate',
           jsonb_strip_nulls(jsonb_build_object(
             'status', case when c.status is distinct from c.old_status then coalesce(c.old_status, 'NULL') end,
             'business_id', case when c.old_business <> c.business_id then c.old_business end,
             'call_log_gone', case when c.call is distinct from c.old_call then c.old_call end))
      from changed c
     where c.status is distinct from c.old_status or c.old_business <> c.business_id or c.call is distinct from c.old_call
  )
  select count(*) into corrected from changed;
  return corrected;
end $$;
--> statement-breakpoint
-- ringpost:walk outbound_call_jobs: jobs filled in or corrected (business, state, call)
select pg_temp.correct_jobs($1, $2) as n;
--> statement-breakpoint
-- Counters are recomputed for runs that have ended; those of an open run are the old worker's until the cut-over. In the
-- arrays: total, queued, in progress, completed, failed, cancelled, cursor.
create or replace function pg_temp.runs_to_correct(low integer, high integer)
returns table (id integer, business_id integer, status text, list integer, creator integer, cancel boolean, ended timestamp, completed timestamp,
               updated timestamp, counts integer[], old_status text, old_list integer, old_creator integer, old_counts integer[])
language sql stable as $$
  select r.id, r.business_id, s.status, a.list, a.creator, a.cancel, a.ended, a.completed, a.updated, a.counts,
         r.status::text, r.outbound_list_id, r.created_by_user_id, a.old_counts
    from outbound_call_runs r
    left join outbound_lead_lists l on l.id = r.outbound_list_id and l.tenant_id = r.business_id
    left join users u on u.id = r.created_by_user_id
   cross join lateral (
     select ringpost.run_status_of(coalesce(lower(trim(r.status)), ''), coalesce(r.ended_at, r.completed_at) is not null) as status) s
   cross join lateral (
     select count(*)::int as jobs, count(*) filter (where j.status = 'queued')::int as queued,
            count(*) filter (where j.status in ('dialing', 'calling'))::int as live,
            count(*) filter (where j.status = 'completed')::int as completed,
            count(*) filter (where j.status = 'failed')::int as failed,
            count(*) filter (where j.status = 'cancelled')::int as cancelled,
            max(greatest(j.dial_started_at, j.started_at, j.completed_at)) as last_news
       from outbound_call_jobs j where j.run_id = r.id) n
   cross join lateral (
     select case when s.status not in ('pending', 'running')
                 then coalesce(r.ended_at, r.completed_at, n.last_news, r.updated_at, r.started_at, r.created_at) end as at) e
   cross join lateral (
     select case when l.id is not null then r.outbound_list_id end as list, case when u.id is not null then r.created_by_user_id end as creator,
            coalesce(r.cancel_requested, false) or coalesce(lower(trim(r.status)), '') in ('stopping', 'cancelling', 'canceling') as cancel,
            coalesce(r.ended_at, e.at) as ended, coalesce(r.completed_at, r.ended_at, e.at) as completed,
            coalesce(r.updated_at, r.ended_at, r.completed_at, n.last_news, r.started_at, r.created_at) as updated,
            case when s.status in ('pending', 'running')
                 then array[coalesce(r.total_leads, 0), coalesce(r.queued_count, 0), coalesce(r.in_progress_count, 0), coalesce(r.completed_count, 0),
                            coalesce(r.failed_count, 0), coalesce(r.cancelled_count, 0), coalesce(r.cursor_position, 0)]
                 else array[n.jobs, n.queued, n.live, n.completed, n.failed, n.cancelled, n.completed + n.failed + n.cancelled] end as counts,
            array[r.total_leads, r.queued_count, r.in_progress_count, r.completed_count, r.failed_count, r.cancelled_count, r.cursor_position] as old_counts) a
   where r.id > $1 and r.id <= $2 and r.engine <> 'ringpost'
     and (r.status, r.outbound_list_id, r.created_by_user_id, r.cancel_requested, r.ended_at, r.completed_at, r.updated_at, a.old_counts)
         is distinct from (s.status, a.list, a.creator, a.cancel, a.ended, a.completed, a.updated, a.counts)
$$;
--> statement-breakpoint
create or replace function pg_temp.correct_runs(low integer, high integer) returns integer
language plpgsql set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_variable
declare
  locked integer[] := array(
    select r.id from outbound_call_runs r
     where r.id in (select f.id from pg_temp.runs_to_correct(low, high) f) order by r.id for no key update);
  corrected integer;
begin
  -- No sign of life: ringpost_run_touched looks at it.
  perform set_config('ringpost.correcting', 'on', true);
  with changed as (
    update outbound_call_runs r
       set status = f.status, outbound_list_id = f.list, created_by_user_id = f.creator, cancel_requested = f.cancel,
           ended_at = f.ended, completed_at = f.completed, updated_at = f.updated,
           total_leads = f.counts[1], queued_count = f.counts[2], in_progress_count = f.counts[3], completed_count = f.counts[4],
           failed_count = f.counts[5], cancelled_count = f.counts[6], cursor_position = f.counts[7],
           last_error = case when f.status = 'failed' and lower(trim(f.old_status)) is distinct from 'failed'
                             then coalesce(r.last_error, concat('status of the old system: ', coalesce(f.old_status, 'none')))
                             else r.last_error end
      from pg_temp.runs_to_correct(low, high) f
     where r.id = f.id and f.id = any (locked)
    returning f.*
  ), noted as (
    insert into outbound_run_events (run_id, business_id, kind, actor, detail)
    select c.id, c.business_id, 'run.upgraded', 'migrate',
           jsonb_strip_nulls(jsonb_build_object(
             'status', case when c.status is distinct from c.old_status then coalesce(c.old_status, 'NULL') end,
             'list_gone', case when c.list is distinct from c.old_list then c.old_list end,
             'user_gone', case when c.creator is distinct from c.old_creator then c.old_creator end,
             'counters', case when c.counts is distinct from c.old_counts then to_jsonb(c.old_counts) end))
      from changed c
     where c.status is distinct from c.old_status or c.list is distinct from c.old_list or c.creator is distinct from c.old_creator
        or c.counts is distinct from c.old_counts
  )
  select count(*) into corrected from changed;
  return corrected;
end $$;
--> statement-breakpoint
-- ringpost:walk outbound_call_runs: runs filled in or corrected (state, times, counters, references)
select pg_temp.correct_runs($1, $2) as n;
