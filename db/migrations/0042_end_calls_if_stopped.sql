-- For the statement that makes a call known. Its snapshot is older than a stop that it waited for; a volatile function's
-- statements have snapshots of their own. NULL: the run goes on.
create or replace function ringpost.end_calls_if_stopped(run integer, business integer) returns bigint
language plpgsql volatile as $$
declare
  stopped record;
begin
  select r.hang_up into stopped
    from outbound_call_runs r
   where r.id = run and r.business_id = business and (r.hang_up or r.status in ('stopped', 'cancelled'));
  if not found then
    return null;
  end if;
  return ringpost.add_job('end_calls', json_build_object('runId', run, 'hangUp', stopped.hang_up), 'end:' || run);
end $$;
