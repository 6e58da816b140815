-- Also a failed run that somebody has stopped since: it keeps its status, and says by its flag that it is over.
create or replace function ringpost.end_calls_if_stopped(run integer, business integer) returns bigint
language plpgsql volatile as $$
declare
  stopped record;
begin
  select r.hang_up into stopped
    from outbound_call_runs r
   where r.id = run and r.business_id = business
     and (r.hang_up or r.status in ('stopped', 'cancelled') or (r.status = 'failed' and r.cancel_requested));
  if not found then
    return null;
  end if;
  return ringpost.add_job('end_calls', json_build_object('runId', run, 'hangUp', stopped.hang_up), 'end:' || run);
end $$;
