-- ringpost:after-violation 0020_old_rows
-- The rules of the two tables. Each comes NOT VALID, which takes an instant and holds for new rows at once, and is
-- validated afterwards, which reads the whole table and blocks nobody.
--
-- Foreign keys are found by what they refer to, because old versions named them as they liked and some cascaded. Those of
-- the right kind are renamed, others are replaced in the same transaction.
create or replace function pg_temp.ensure_reference(of_table regclass, of_column name, target regclass, called name) returns void
language plpgsql as $$
declare
  key record;
  good boolean := false;
begin
  -- A key of another column has our name: it comes to its own when that column's turn comes.
  if exists (select from pg_constraint c
              where c.conrelid = of_table and c.conname = called
                and c.conkey <> (select array[a.attnum] from pg_attribute a where a.attrelid = of_table and a.attname = of_column)) then
    execute format('alter table %s rename constraint %I to %I', of_table, called, left(called, 57) || '_other');
  end if;
  for key in
    select c.conname, c.confrelid = target and c.confdeltype = 'a' and c.confupdtype = 'a' and not c.condeferrable as fits
      from pg_constraint c
      join pg_attribute a on a.attrelid = c.conrelid and a.attname = of_column
     where c.conrelid = of_table and c.contype = 'f' and c.conkey = array[a.attnum]
     order by c.conname <> called, c.conname
  loop
    if key.fits and not good then
      good := true;
      if key.conname <> called then
        execute format('alter table %s rename constraint %I to %I', of_table, key.conname, called);
      end if;
    else
      execute format('alter table %s drop constraint %I', of_table, key.conname);
    end if;
  end loop;
  if not good then
    execute format('alter table %s add constraint %I foreign key (%I) references %s (id) not valid', of_table, called, of_column, target);
  end if;
end $$;
--> statement-breakpoint
select pg_temp.ensure_reference('outbound_call_runs', 'business_id', 'business', 'outbound_call_runs_business_id_fkey');
--> statement-breakpoint
select pg_temp.ensure_reference('outbound_call_runs', 'outbound_list_id', 'outbound_lead_lists', 'outbound_call_runs_outbound_list_id_fkey');
--> statement-breakpoint
select pg_temp.ensure_reference('outbound_call_runs', 'created_by_user_id', 'users', 'outbound_call_runs_created_by_user_id_fkey');
--> statement-breakpoint
select pg_temp.ensure_reference('outbound_call_jobs', 'run_id', 'outbound_call_runs', 'outbound_call_jobs_run_id_fkey');
--> statement-breakpoint
select pg_temp.ensure_reference('outbound_call_jobs', 'lead_id', 'leads', 'outbound_call_jobs_lead_id_fkey');
--> statement-breakpoint
select pg_temp.ensure_reference('outbound_call_jobs', 'business_id', 'business', 'fk_outbound_call_jobs_business');
--> statement-breakpoint
select pg_temp.ensure_reference('outbound_call_jobs', 'call_log_id', 'call_log', 'outbound_call_jobs_call_log_id_fkey');
--> statement-breakpoint
-- Of our own rows (engine 'ringpost', a to_number); rows of the old system are left alone.
alter table outbound_call_runs
  drop constraint if exists outbound_call_runs_status_known,
  drop constraint if exists outbound_call_runs_end_has_time,
  drop constraint if exists outbound_call_runs_end_alike,
  drop constraint if exists outbound_call_runs_start_has_time,
  drop constraint if exists outbound_call_runs_counts,
  drop constraint if exists outbound_call_runs_concurrency,
  drop constraint if exists filled_in,
  add constraint outbound_call_runs_status_known
    check (engine <> 'ringpost' or status in ('pending', 'running', 'completed', 'cancelled', 'failed', 'stopped')) not valid,
  add constraint outbound_call_runs_end_has_time
    check (engine <> 'ringpost' or (status in ('pending', 'running')) = (ended_at is null)) not valid,
  add constraint outbound_call_runs_end_alike
    check (engine <> 'ringpost' or ended_at is not distinct from completed_at) not valid,
  add constraint outbound_call_runs_start_has_time
    check (engine <> 'ringpost' or status <> 'running' or started_at is not null) not valid,
  add constraint outbound_call_runs_counts
    check (engine <> 'ringpost' or (queued_count >= 0 and in_progress_count >= 0 and completed_count >= 0 and failed_count >= 0 and cancelled_count >= 0
           and cursor_position = completed_count + failed_count + cancelled_count
           and total_leads = queued_count + in_progress_count + cursor_position)) not valid,
  add constraint outbound_call_runs_concurrency
    check (engine <> 'ringpost' or concurrency between 1 and 10) not valid,
  add constraint filled_in check (business_id is not null and cancel_requested is not null) not valid;
--> statement-breakpoint
alter table outbound_call_jobs
  drop constraint if exists outbound_call_jobs_status_known,
  drop constraint if exists outbound_call_jobs_end_has_time,
  drop constraint if exists outbound_call_jobs_live_has_token,
  drop constraint if exists outbound_call_jobs_calling_has_sid,
  drop constraint if exists outbound_call_jobs_sid_alike,
  drop constraint if exists outbound_call_jobs_active_number,
  drop constraint if exists filled_in,
  add constraint outbound_call_jobs_status_known
    check (to_number is null or status in ('queued', 'dialing', 'calling', 'completed', 'failed', 'cancelled')) not valid,
  add constraint outbound_call_jobs_end_has_time
    check (to_number is null or (status in ('queued', 'dialing', 'calling')) = (completed_at is null)) not valid,
  add constraint outbound_call_jobs_live_has_token
    check (to_number is null or status not in ('dialing', 'calling') or (dial_lock_token is not null and dial_started_at is not null)) not valid,
  add constraint outbound_call_jobs_calling_has_sid
    check (to_number is null or status <> 'calling' or call_sid is not null) not valid,
  add constraint outbound_call_jobs_sid_alike
    check (to_number is null or call_sid is not distinct from twilio_call_sid) not valid,
  add constraint outbound_call_jobs_active_number
    check (active_number is null or (active_number = to_number and status in ('queued', 'dialing', 'calling'))) not valid,
  add constraint filled_in check (run_id is not null and lead_id is not null and business_id is not null) not valid;
--> statement-breakpoint
alter table outbound_call_runs validate constraint filled_in;
--> statement-breakpoint
-- (squawk cannot see that the references above exist; to validate one again does nothing.)
-- squawk-ignore prefer-robust-stmts
alter table outbound_call_runs validate constraint outbound_call_runs_business_id_fkey;
--> statement-breakpoint
-- squawk-ignore prefer-robust-stmts
alter table outbound_call_runs validate constraint outbound_call_runs_outbound_list_id_fkey;
--> statement-breakpoint
-- squawk-ignore prefer-robust-stmts
alter table outbound_call_runs validate constraint outbound_call_runs_created_by_user_id_fkey;
--> statement-breakpoint
alter table outbound_call_runs validate constraint outbound_call_runs_status_known;
--> statement-breakpoint
alter table outbound_call_runs validate constraint outbound_call_runs_end_has_time;
--> statement-breakpoint
alter table outbound_call_runs validate constraint outbound_call_runs_end_alike;
--> statement-breakpoint
alter table outbound_call_runs validate constraint outbound_call_runs_start_has_time;
--> statement-breakpoint
alter table outbound_call_runs validate constraint outbound_call_runs_counts;
--> statement-breakpoint
alter table outbound_call_runs validate constraint outbound_call_runs_concurrency;
--> statement-breakpoint
alter table outbound_call_jobs validate constraint filled_in;
--> statement-breakpoint
-- squawk-ignore prefer-robust-stmts
alter table outbound_call_jobs validate constraint outbound_call_jobs_run_id_fkey;
--> statement-breakpoint
-- squawk-ignore prefer-robust-stmts
alter table outbound_call_jobs validate constraint outbound_call_jobs_lead_id_fkey;
--> statement-breakpoint
-- squawk-ignore prefer-robust-stmts
alter table outbound_call_jobs validate constraint fk_outbound_call_jobs_business;
--> statement-breakpoint
-- squawk-ignore prefer-robust-stmts
alter table outbound_call_jobs validate constraint outbound_call_jobs_call_log_id_fkey;
--> statement-breakpoint
alter table outbound_call_jobs validate constraint outbound_call_jobs_status_known;
--> statement-breakpoint
alter table outbound_call_jobs validate constraint outbound_call_jobs_end_has_time;
--> statement-breakpoint
alter table outbound_call_jobs validate constraint outbound_call_jobs_live_has_token;
--> statement-breakpoint
alter table outbound_call_jobs validate constraint outbound_call_jobs_calling_has_sid;
--> statement-breakpoint
alter table outbound_call_jobs validate constraint outbound_call_jobs_sid_alike;
--> statement-breakpoint
alter table outbound_call_jobs validate constraint outbound_call_jobs_active_number;
--> statement-breakpoint
-- The validated check proves what SET NOT NULL would otherwise read the table for: this takes an instant.
alter table outbound_call_runs
  -- squawk-ignore adding-not-nullable-field, prefer-robust-stmts
  alter column business_id set not null,
  -- squawk-ignore adding-not-nullable-field, prefer-robust-stmts
  alter column cancel_requested set not null,
  drop constraint if exists filled_in;
--> statement-breakpoint
alter table outbound_call_jobs
  -- squawk-ignore adding-not-nullable-field, prefer-robust-stmts
  alter column run_id set not null,
  -- squawk-ignore adding-not-nullable-field, prefer-robust-stmts
  alter column lead_id set not null,
  -- squawk-ignore adding-not-nullable-field, prefer-robust-stmts
  alter column business_id set not null,
  drop constraint if exists filled_in;
--> statement-breakpoint
-- The same rule under another name, as old versions and their tools had it: one becomes ours, more are not needed.
do $$
declare
  same record;
begin
  for same in
    select i.indexrelid::regclass as called, c.conname
      from pg_index i
      left join pg_constraint c on c.conindid = i.indexrelid and c.conrelid = i.indrelid and c.contype = 'u'
     where i.indrelid = 'outbound_call_jobs'::regclass and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
       and i.indexrelid <> coalesce(to_regclass('unique_run_lead')::oid, 0::oid)
       and (select array_agg(a.attname order by a.attname) from pg_attribute a
             where a.attrelid = i.indrelid and a.attnum = any (i.indkey::smallint[])) = '{lead_id,run_id}'
  loop
    if to_regclass('unique_run_lead') is null and same.conname is not null
       and (select indkey::text from pg_index where indexrelid = same.called)
           = (select format('%s %s', r.attnum, l.attnum) from pg_attribute r, pg_attribute l
               where r.attrelid = 'outbound_call_jobs'::regclass and r.attname = 'run_id'
                 and l.attrelid = 'outbound_call_jobs'::regclass and l.attname = 'lead_id')
       and not (select condeferrable from pg_constraint where conname = same.conname and conrelid = 'outbound_call_jobs'::regclass) then
      execute format('alter table outbound_call_jobs rename constraint %I to unique_run_lead', same.conname);
    elsif same.conname is not null then
      execute format('alter table outbound_call_jobs drop constraint %I', same.conname);
    else
      execute format('drop index %s', same.called);
    end if;
  end loop;
end $$;
--> statement-breakpoint
create unique index concurrently if not exists unique_run_lead on outbound_call_jobs (run_id, lead_id);
--> statement-breakpoint
do $$ begin
  if not exists (select from pg_constraint where conrelid = 'outbound_call_jobs'::regclass and conname = 'unique_run_lead') then
    alter table outbound_call_jobs add constraint unique_run_lead unique using index unique_run_lead;
  end if;
end $$;
