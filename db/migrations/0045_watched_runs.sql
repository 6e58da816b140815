-- NOTIFY makes commits queue behind each other and wakes every API process, so only a run that somebody watches is told of.
-- Whoever watches holds the run's lock, shared and for its session (db/listen.ts): then it cannot be had here. Where it can,
-- nobody watches, and the transaction keeps it: who comes to watch meanwhile waits for its end, then reads what it wrote.
-- Nobody waits here. 1024 locks serve all runs (watchKey in db/locks.ts), or one statement that changes every run would fill
-- the table of locks; a run that shares its lock with a watched one is told of for nothing.
create or replace function outbound_run_changed() returns trigger language plpgsql as $$
begin
  if not pg_try_advisory_xact_lock(1919942662, new.id % 1024) then
    perform pg_notify('outbound_runs', new.id || ':' || new.business_id);
  end if;
  return null;
end $$;
