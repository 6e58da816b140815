-- The two tables the CRM already queries. Every step looks before it acts, so that the file can run on any state.
create table if not exists outbound_call_runs (
  id          serial primary key,
  business_id integer not null references business (id)
);
--> statement-breakpoint
alter table outbound_call_runs
  add column if not exists outbound_list_id   integer references outbound_lead_lists (id),
  add column if not exists created_by_user_id integer references users (id),
  add column if not exists concurrency        integer default 3,
  add column if not exists total_leads        integer default 0,
  add column if not exists queued_count       integer default 0,
  add column if not exists in_progress_count  integer default 0,
  add column if not exists completed_count    integer default 0,
  add column if not exists failed_count       integer default 0,
  add column if not exists cancelled_count    integer default 0,
  add column if not exists cursor_position    integer default 0,
  add column if not exists status             varchar(32) default 'pending',
  add column if not exists cancel_requested   boolean not null default false,
  add column if not exists last_error         text,
  add column if not exists locked_by_worker   varchar(128),
  add column if not exists lock_ts            timestamp,
  add column if not exists created_at         timestamp default now(),
  add column if not exists started_at         timestamp,
  add column if not exists ended_at           timestamp,
  add column if not exists updated_at         timestamp default now(),
  add column if not exists completed_at       timestamp,
  add column if not exists engine             varchar(16) not null default 'legacy',
  add column if not exists worker_id          uuid,
  add column if not exists last_served_at     timestamptz,
  add column if not exists message            jsonb;
--> statement-breakpoint
alter table outbound_call_runs alter column status set default 'pending';
--> statement-breakpoint
create table if not exists outbound_call_jobs (
  id      serial primary key,
  run_id  integer not null references outbound_call_runs (id),
  lead_id integer not null references leads (id)
);
--> statement-breakpoint
alter table outbound_call_jobs
  add column if not exists business_id     integer,
  add column if not exists call_log_id     integer references call_log (id),
  add column if not exists project_id      integer,
  add column if not exists status          varchar(32) default 'queued',
  add column if not exists error_message   text,
  add column if not exists call_sid        varchar(64),
  add column if not exists twilio_call_sid varchar(64),
  add column if not exists dial_started_at timestamp,
  add column if not exists dial_lock_token varchar(64),
  add column if not exists lead_name       varchar(255),
  add column if not exists created_at      timestamp default now(),
  add column if not exists started_at      timestamp,
  add column if not exists completed_at    timestamp,
  add column if not exists to_number       varchar(32),
  add column if not exists active_number   varchar(32),
  add column if not exists call_status     varchar(32),
  add column if not exists outcome         varchar(32),
  add column if not exists error_code      varchar(64),
  add column if not exists attempts        integer not null default 0;
--> statement-breakpoint
update outbound_call_jobs j
   set business_id = r.business_id
  from outbound_call_runs r
 where r.id = j.run_id
   and j.business_id is null;
--> statement-breakpoint
alter table outbound_call_jobs alter column business_id set not null;
--> statement-breakpoint
create function pg_temp.ensure_constraint(of_table regclass, named name, definition text) returns void
language plpgsql as $$
begin
  if not exists (select from pg_constraint where conrelid = of_table and conname = named) then
    execute format('alter table %s add constraint %I %s', of_table, named, definition);
  end if;
end $$;
--> statement-breakpoint
select pg_temp.ensure_constraint('outbound_call_jobs', 'fk_outbound_call_jobs_business', 'foreign key (business_id) references business (id)'),
       pg_temp.ensure_constraint('outbound_call_jobs', 'unique_run_lead', 'unique (run_id, lead_id)');
--> statement-breakpoint
-- The rules of our own rows, repeated by the database. Rows of the old system (engine 'legacy', no to_number) are left alone.
select pg_temp.ensure_constraint('outbound_call_runs', 'outbound_call_runs_status_known',
         $$check (engine <> 'ringpost' or status in ('pending', 'running', 'completed', 'cancelled', 'failed', 'stopped'))$$),
       pg_temp.ensure_constraint('outbound_call_runs', 'outbound_call_runs_end_has_time',
         $$check (engine <> 'ringpost' or (status in ('pending', 'running')) = (ended_at is null))$$),
       pg_temp.ensure_constraint('outbound_call_runs', 'outbound_call_runs_end_alike',
         $$check (engine <> 'ringpost' or ended_at is not distinct from completed_at)$$),
       pg_temp.ensure_constraint('outbound_call_runs', 'outbound_call_runs_start_has_time',
         $$check (engine <> 'ringpost' or status <> 'running' or started_at is not null)$$),
       pg_temp.ensure_constraint('outbound_call_runs', 'outbound_call_runs_counts',
         $$check (engine <> 'ringpost' or (queued_count >= 0 and in_progress_count >= 0 and completed_count >= 0 and failed_count >= 0 and cancelled_count >= 0
                  and cursor_position = completed_count + failed_count + cancelled_count
                  and total_leads = queued_count + in_progress_count + cursor_position))$$),
       pg_temp.ensure_constraint('outbound_call_runs', 'outbound_call_runs_concurrency',
         $$check (engine <> 'ringpost' or concurrency between 1 and 10)$$);
--> statement-breakpoint
select pg_temp.ensure_constraint('outbound_call_jobs', 'outbound_call_jobs_status_known',
         $$check (to_number is null or status in ('queued', 'dialing', 'calling', 'completed', 'failed', 'cancelled'))$$),
       pg_temp.ensure_constraint('outbound_call_jobs', 'outbound_call_jobs_end_has_time',
         $$check (to_number is null or (status in ('queued', 'dialing', 'calling')) = (completed_at is null))$$),
       pg_temp.ensure_constraint('outbound_call_jobs', 'outbound_call_jobs_live_has_token',
         $$check (to_number is null or status not in ('dialing', 'calling') or (dial_lock_token is not null and dial_started_at is not null))$$),
       pg_temp.ensure_constraint('outbound_call_jobs', 'outbound_call_jobs_calling_has_sid',
         $$check (to_number is null or status <> 'calling' or call_sid is not null)$$),
       pg_temp.ensure_constraint('outbound_call_jobs', 'outbound_call_jobs_sid_alike',
         $$check (to_number is null or call_sid is not distinct from twilio_call_sid)$$),
       pg_temp.ensure_constraint('outbound_call_jobs', 'outbound_call_jobs_active_number',
         $$check (active_number is null or (active_number = to_number and status in ('queued', 'dialing', 'calling')))$$);
--> statement-breakpoint
drop function pg_temp.ensure_constraint(regclass, name, text);
--> statement-breakpoint
create index if not exists idx_outbound_call_runs_business_id on outbound_call_runs (business_id);
--> statement-breakpoint
create index if not exists idx_outbound_call_runs_status on outbound_call_runs (status);
--> statement-breakpoint
create index if not exists idx_outbound_call_runs_created_at on outbound_call_runs (created_at);
--> statement-breakpoint
create index if not exists idx_outbound_call_runs_open on outbound_call_runs (business_id, id) where status in ('pending', 'running');
--> statement-breakpoint
create index if not exists idx_outbound_call_jobs_run_id on outbound_call_jobs (run_id);
--> statement-breakpoint
create index if not exists idx_outbound_call_jobs_lead_id on outbound_call_jobs (lead_id);
--> statement-breakpoint
create index if not exists idx_outbound_call_jobs_status on outbound_call_jobs (status);
--> statement-breakpoint
create index if not exists idx_outbound_call_jobs_call_sid on outbound_call_jobs (call_sid);
--> statement-breakpoint
create index if not exists idx_outbound_call_jobs_twilio_sid on outbound_call_jobs (twilio_call_sid);
--> statement-breakpoint
create index if not exists idx_outbound_call_jobs_lock_token on outbound_call_jobs (dial_lock_token);
--> statement-breakpoint
create index if not exists idx_outbound_call_jobs_status_twilio_sid on outbound_call_jobs (status, twilio_call_sid);
--> statement-breakpoint
create index if not exists idx_outbound_call_jobs_business_id on outbound_call_jobs (business_id);
--> statement-breakpoint
create index if not exists idx_outbound_call_jobs_queue on outbound_call_jobs (run_id, id) where status = 'queued';
--> statement-breakpoint
create unique index if not exists unique_active_number on outbound_call_jobs (business_id, active_number) where active_number is not null;
