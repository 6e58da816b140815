-- What 0020 corrects in the old system's runs is no sign of life, also when it is run again before the cut-over: one that was
-- killed would otherwise keep the next from starting, because the runs were touched a moment ago.
create or replace function ringpost_run_touched() returns trigger language plpgsql as $$
begin
  if current_setting('ringpost.correcting', true) is distinct from 'on' then
    new.updated_at := clock_timestamp() at time zone 'UTC';
  end if;
  return new;
end $$;
