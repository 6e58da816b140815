-- The second half of tenancy: what a request may touch is decided by the database. Every request runs in a transaction
-- as the role ringpost_request (made by db/requestRole.ts, because roles belong to the cluster), entered by
-- ringpost.enter. Everybody else, the CRM and the old application among them, sees no difference.
create schema if not exists ringpost;
--> statement-breakpoint
-- The tables' own schema, wherever the search_path of the migrating user put them.
do $$ begin
  execute format('grant usage on schema ringpost, %I to ringpost_request', current_schema());
end $$;
--> statement-breakpoint
-- Binds a table of ours to the tenant. Permissive for everyone, so that other roles notice nothing; restrictive for the
-- request role. A role that inherits from it (as a plain `grant` makes the connecting user do) is not restricted: the
-- worker would see nothing. After a commit a local setting is '' and not NULL, hence nullif.
create or replace function ringpost.bind_to_tenant(bound regclass) returns void language plpgsql as $$
begin
  execute format('alter table %s enable row level security', bound);
  execute format('alter table %s force row level security', bound);
  if not exists (select from pg_policy where polrelid = bound and polname = 'everyone') then
    execute format('create policy everyone on %s as permissive for all to public using (true) with check (true)', bound);
  end if;
  if not exists (select from pg_policy where polrelid = bound and polname = 'request_tenant') then
    execute format($policy$
      create policy request_tenant on %s as restrictive for all to ringpost_request
       using ((select current_user <> 'ringpost_request') or business_id = (select nullif(current_setting('app.business_id', true), '')::int))
       with check ((select current_user <> 'ringpost_request') or business_id = (select nullif(current_setting('app.business_id', true), '')::int))
    $policy$, bound);
  end if;
end $$;
--> statement-breakpoint
revoke all on function ringpost.bind_to_tenant from public;
--> statement-breakpoint
select ringpost.bind_to_tenant(name::regclass)
  from unnest(array['outbound_call_runs', 'outbound_call_jobs', 'outbound_call_slots', 'outbound_call_attempts',
                    'outbound_run_events', 'outbound_business_settings']) name;
--> statement-breakpoint
-- What a request does, and no more: nobody's row changes its tenant, run or lead, and the audit trail only grows.
grant select,
      insert (business_id, outbound_list_id, created_by_user_id, concurrency, status, engine, message),
      update (concurrency, total_leads, queued_count, in_progress_count, completed_count, failed_count, cancelled_count,
              cursor_position, status, cancel_requested, last_error, locked_by_worker, worker_id, lock_ts, last_served_at,
              started_at, ended_at, completed_at, updated_at)
   on outbound_call_runs to ringpost_request;
--> statement-breakpoint
grant select,
      insert (run_id, lead_id, business_id, project_id, status, lead_name, to_number, active_number),
      update (status, error_message, call_sid, twilio_call_sid, dial_started_at, dial_lock_token, started_at, completed_at,
              active_number, call_status, outcome, error_code)
   on outbound_call_jobs to ringpost_request;
--> statement-breakpoint
grant select, delete on outbound_call_slots to ringpost_request;
--> statement-breakpoint
grant select, update (closed_at, settled_at, result, call_sid, error_code, news_at) on outbound_call_attempts to ringpost_request;
--> statement-breakpoint
grant select, insert on outbound_run_events to ringpost_request;
--> statement-breakpoint
grant select, insert, update on outbound_business_settings to ringpost_request;
--> statement-breakpoint
-- These two belong to no tenant. "Why is nothing dialling?" needs a few of their columns.
grant select (heartbeat_at, stopped_at) on outbound_workers to ringpost_request;
--> statement-breakpoint
grant select (account_sid, next_turn_at, paused_until, pause_kind, pause_code, pause_message) on outbound_carrier_accounts to ringpost_request;
--> statement-breakpoint
-- The CRM's tables stay as they are: the request role has no right to them, only to these views of the tenant's rows,
-- named alike: inside the door the search_path finds them first, and the same statement serves worker and request.
create or replace view ringpost.business with (security_barrier) as
  select id, name, phone_number, is_active, calls_enabled
    from business
   where id = (select nullif(current_setting('app.business_id', true), '')::int);
--> statement-breakpoint
-- Ids alone, to name who started a run. A system_admin belongs to no business.
create or replace view ringpost.users with (security_barrier) as
  select id, business_id
    from users
   where business_id = (select nullif(current_setting('app.business_id', true), '')::int)
      or (business_id is null and nullif(current_setting('app.business_id', true), '') is not null);
--> statement-breakpoint
create or replace view ringpost.outbound_lead_lists with (security_barrier) as
  select id, tenant_id, name, file_name, total_leads, created_at
    from outbound_lead_lists
   where tenant_id = (select nullif(current_setting('app.business_id', true), '')::int)
    with cascaded check option;
--> statement-breakpoint
create or replace view ringpost.leads with (security_barrier) as
  select id, tenant_id, first_name, last_name, name, phone_e164, status, source, outbound_list_id, city, notes, created_at, updated_at
    from leads
   where tenant_id = (select nullif(current_setting('app.business_id', true), '')::int)
    with cascaded check option;
--> statement-breakpoint
-- For inserts. A view of its own, because a lead may refer to a foreign list by the CRM's doing (it moved the lead): such
-- a lead must stay visible, but none may be made here.
create or replace view ringpost.new_leads with (security_barrier) as
  select tenant_id, first_name, last_name, name, phone_e164, source, outbound_list_id, city, notes
    from leads
   where tenant_id = (select nullif(current_setting('app.business_id', true), '')::int)
     and (outbound_list_id is null
          or exists (select from outbound_lead_lists l where l.id = outbound_list_id and l.tenant_id = leads.tenant_id))
    with cascaded check option;
--> statement-breakpoint
create or replace view ringpost.call_log with (security_barrier) as
  select id, business_id, lead_id, project_id, call_sid, from_number, to_number, direction, status, call_status, duration,
         recording_url, recording_sid, transcription, final_transcript, summary, customer_name, created_at, updated_at
    from call_log
   where business_id = (select nullif(current_setting('app.business_id', true), '')::int);
--> statement-breakpoint
grant select on ringpost.business, ringpost.users, ringpost.call_log to ringpost_request;
--> statement-breakpoint
grant select, delete on ringpost.leads to ringpost_request;
--> statement-breakpoint
grant insert on ringpost.new_leads to ringpost_request;
--> statement-breakpoint
grant select, insert (id, tenant_id, name, file_name, total_leads, created_at), update (name, total_leads)
   on ringpost.outbound_lead_lists to ringpost_request;
--> statement-breakpoint
-- Defaults are computed as the role that inserts: it needs the sequences behind them, whatever they are called.
do $$
declare
  needed text;
begin
  for needed in
    select distinct d.refobjid::regclass::text
      from pg_attrdef a
      join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = a.oid and d.refclassid = 'pg_class'::regclass
      join pg_class s on s.oid = d.refobjid and s.relkind = 'S'
     where a.adrelid in ('outbound_call_runs'::regclass, 'outbound_call_jobs'::regclass, 'outbound_run_events'::regclass,
                         'outbound_lead_lists'::regclass, 'leads'::regclass)
  loop
    if not has_sequence_privilege('ringpost_request', needed, 'USAGE') then
      execute format('grant usage on sequence %s to ringpost_request', needed);
    end if;
    if not has_sequence_privilege('ringpost_request', needed, 'USAGE') then
      raise exception 'ringpost_request may not use the sequence %', needed
        using errcode = 'insufficient_privilege', hint = format('As its owner run: grant usage on sequence %s to ringpost_request;', needed);
    end if;
  end loop;
end $$;
--> statement-breakpoint
-- Foreign keys see through row-level security: without these a run, job or event could name another tenant's row, and
-- the error would tell a foreign id from a missing one. On insert and, where the column may change, on update; each
-- table that is looked into shows a request its own tenant's rows alone.
do $$ begin
  if not exists (select from pg_policy where polrelid = 'outbound_call_runs'::regclass and polname = 'request_refs') then
    create policy request_refs on outbound_call_runs as restrictive for insert to ringpost_request
      with check ((select current_user <> 'ringpost_request') or (
        (outbound_list_id is null or exists (select from ringpost.outbound_lead_lists l where l.id = outbound_list_id))
        and (created_by_user_id is null or exists (select from ringpost.users u where u.id = created_by_user_id))));
  end if;
  if not exists (select from pg_policy where polrelid = 'outbound_call_jobs'::regclass and polname = 'request_refs') then
    create policy request_refs on outbound_call_jobs as restrictive for insert to ringpost_request
      with check ((select current_user <> 'ringpost_request') or (
        exists (select from outbound_call_runs r where r.id = run_id)
        and exists (select from ringpost.leads l where l.id = lead_id)));
  end if;
  if not exists (select from pg_policy where polrelid = 'outbound_run_events'::regclass and polname = 'request_refs') then
    create policy request_refs on outbound_run_events as restrictive for insert to ringpost_request
      with check ((select current_user <> 'ringpost_request') or (
        exists (select from outbound_call_runs r where r.id = run_id)
        and (job_id is null or exists (select from outbound_call_jobs j where j.id = job_id))));
  end if;
end $$;
--> statement-breakpoint
-- The way in: tenant, names and role, until the transaction ends. Not for the request role, which must not change doors.
do $$ begin
  execute format($create$
    create or replace function ringpost.enter(business integer) returns void language plpgsql as $body$
    begin
      perform set_config('app.business_id', business::text, true),
              set_config('search_path', %L, true),
              set_config('role', 'ringpost_request', true);
    end $body$
  $create$, format('ringpost, %I, pg_temp', current_schema()));
end $$;
--> statement-breakpoint
revoke all on function ringpost.enter from public;
--> statement-breakpoint
create or replace function ringpost.owns_run(run integer) returns boolean language sql stable
  return exists (select from outbound_call_runs r
                  where r.id = run and r.business_id = nullif(current_setting('app.business_id', true), '')::int);
--> statement-breakpoint
-- graphile_worker.add_job refuses the request role whatever is granted, and would take any task of any tenant. This one
-- adds our tasks for the door's own business, and nothing else.
create or replace function ringpost.add_own_job(task text, payload json, job_key text) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  business integer := nullif(current_setting('app.business_id', true), '')::int;
  own boolean := business is not null and case task
    when 'dispatch_calls' then
      payload::jsonb = jsonb_build_object('businessId', business) and job_key = 'dispatch:' || business
    when 'end_calls' then
      ringpost.owns_run((payload ->> 'runId')::int) and job_key ~ ('^end:' || (payload ->> 'runId')::int || '(:|$)')
    else false
  end;
begin
  if own then
    return (graphile_worker.add_job(task, payload => payload, job_key => job_key)).id;
  end if;
  raise exception 'a request may not add this job' using errcode = 'insufficient_privilege';
end $$;
--> statement-breakpoint
revoke all on function ringpost.add_own_job from public;
--> statement-breakpoint
grant execute on function ringpost.add_own_job to ringpost_request;
--> statement-breakpoint
-- One name for both sides of the door. NULL: nothing was added, see src/runs/wake.ts.
create or replace function ringpost.add_job(task text, payload json, job_key text) returns bigint language plpgsql as $$
begin
  if current_user = 'ringpost_request' then
    return ringpost.add_own_job(task, payload, job_key);
  end if;
  return (graphile_worker.add_job(task, payload => payload, job_key => job_key)).id;
end $$;
--> statement-breakpoint
-- By name, because an administrator's default privileges may have taken it from public.
grant execute on function ringpost.add_job, ringpost.owns_run to ringpost_request;
