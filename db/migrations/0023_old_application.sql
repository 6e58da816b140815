-- The old application goes on beside the new schema. Reclaim ends a running run that nobody has touched for half an hour:
-- so its runs must say when they were touched, which its first versions do not. Only now, because the corrections of 0020
-- are no sign of life. (Its jobs get their business since 0020.)
create or replace function ringpost_run_touched() returns trigger language plpgsql as $$
begin
  new.updated_at := clock_timestamp() at time zone 'UTC';
  return new;
end $$;
--> statement-breakpoint
create or replace trigger ringpost_run_touched before update on outbound_call_runs
  for each row when (new.engine = 'legacy' and new.updated_at is not distinct from old.updated_at) execute function ringpost_run_touched();
