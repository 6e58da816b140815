-- Graphile's add_job adds nothing and returns NULL while a worker is locking the job of that key at this very moment
-- (measured: 3,612 of 13,532 calls on two hot keys). Repeated here, inside the transaction that needs the job, a wake-up
-- can be part of one statement and is never lost.
create or replace function ringpost.add_job(task text, payload json, job_key text) returns bigint language plpgsql as $$
declare
  added bigint;
begin
  loop
    if current_user = 'ringpost_request' then
      added := ringpost.add_own_job(task, payload, job_key);
    else
      added := (graphile_worker.add_job(task, payload => payload, job_key => job_key)).id;
    end if;
    if added is not null then
      return added;
    end if;
    perform pg_sleep(0.001);
  end loop;
end $$;
