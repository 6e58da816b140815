-- Look-ups that the planner's statistics cannot lead astray: each has one index that it can use, and no second one that
-- looks as good on a bad day (test/runs/plans.test.ts).
--
-- The claim: a run's queue, found by an expression that no other index knows. By status and run_id the planner took the
-- index on either column for as good, and read a queue of a hundred thousand leads for each claim.
create index concurrently if not exists idx_outbound_call_jobs_waiting
  on outbound_call_jobs ((case when status = 'queued' then run_id end), id) where case when status = 'queued' then run_id end is not null;
--> statement-breakpoint
drop index concurrently if exists idx_outbound_call_jobs_queue;
--> statement-breakpoint
-- Leads whose ids are known. The tenant stands in an expression, so that the index on tenant_id cannot be used: right after
-- an import nobody had counted the tenant's new leads, and each of them was looked up among all the others.
create or replace view ringpost.leads_by_id with (security_barrier) as
  select id, tenant_id, first_name, last_name, name, phone_e164
    from leads
   where tenant_id + 0 = (select nullif(current_setting('app.business_id', true), '')::int);
--> statement-breakpoint
grant select on ringpost.leads_by_id to ringpost_request;
--> statement-breakpoint
alter policy request_refs on outbound_call_jobs to ringpost_request
  with check ((select current_user <> 'ringpost_request') or (
    exists (select from outbound_call_runs r where r.id = run_id)
    and exists (select from ringpost.leads_by_id l where l.id = lead_id)));
