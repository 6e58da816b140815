-- Watching runs: a notice per visible change of a run, and when each business was last cleaned up on request.
create table if not exists outbound_cleanups (
  business_id integer primary key references business (id) on delete cascade,
  at          timestamptz not null
);
--> statement-breakpoint
select ringpost.bind_to_tenant('outbound_cleanups');
--> statement-breakpoint
grant select, insert, update on outbound_cleanups to ringpost_request;
--> statement-breakpoint
create or replace function outbound_run_changed() returns trigger language plpgsql as $$
begin
  perform pg_notify('outbound_runs', new.id || ':' || new.business_id);
  return null;
end $$;
--> statement-breakpoint
-- NOTIFY makes commits queue behind each other, so only for what a watcher sees: renewing lock_ts or updated_at is not.
-- A trigger and not a call in our statements: whoever changes a run, the old system or a person with SQL, is seen too.
create or replace trigger outbound_run_changed
  after update on outbound_call_runs
  for each row
  when ((old.status, old.queued_count, old.in_progress_count, old.completed_count, old.failed_count, old.cancelled_count,
         old.cursor_position, old.total_leads, old.cancel_requested, old.concurrency, old.last_error)
        is distinct from
        (new.status, new.queued_count, new.in_progress_count, new.completed_count, new.failed_count, new.cancelled_count,
         new.cursor_position, new.total_leads, new.cancel_requested, new.concurrency, new.last_error))
  execute function outbound_run_changed();
