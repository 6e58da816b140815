-- The two tables the CRM already queries: every column, with its default, on whatever an older system left behind. Only
-- definitions change here, in an instant each; the rows are 0020's, the rules 0021's, the indexes 0022's.
create table if not exists outbound_call_runs (
  id          serial primary key,
  business_id integer not null
);
--> statement-breakpoint
-- updated_at comes without its default: the rows that are there were not touched today, and reclaim looks at their age.
alter table outbound_call_runs
  add column if not exists outbound_list_id   integer,
  add column if not exists created_by_user_id integer,
  add column if not exists concurrency        integer default 3,
  add column if not exists total_leads        integer default 0,
  add column if not exists queued_count       integer default 0,
  add column if not exists in_progress_count  integer default 0,
  add column if not exists completed_count    integer default 0,
  add column if not exists failed_count       integer default 0,
  add column if not exists cancelled_count    integer default 0,
  add column if not exists cursor_position    integer default 0,
  add column if not exists status             varchar(32) default 'pending',
  add column if not exists cancel_requested   boolean default false,
  add column if not exists last_error         text,
  add column if not exists locked_by_worker   varchar(128),
  add column if not exists lock_ts            timestamp,
  add column if not exists created_at         timestamp,
  add column if not exists started_at         timestamp,
  add column if not exists ended_at           timestamp,
  add column if not exists updated_at         timestamp,
  add column if not exists completed_at       timestamp,
  add column if not exists engine             varchar(16) not null default 'legacy',
  add column if not exists worker_id          uuid,
  add column if not exists last_served_at     timestamptz,
  add column if not exists message            jsonb;
--> statement-breakpoint
create table if not exists outbound_call_jobs (
  id      serial primary key,
  run_id  integer not null,
  lead_id integer not null
);
--> statement-breakpoint
alter table outbound_call_jobs
  add column if not exists business_id     integer,
  add column if not exists call_log_id     integer,
  add column if not exists project_id      integer,
  add column if not exists status          varchar(32) default 'queued',
  add column if not exists error_message   text,
  add column if not exists call_sid        varchar(64),
  add column if not exists twilio_call_sid varchar(64),
  add column if not exists dial_started_at timestamp,
  add column if not exists dial_lock_token varchar(64),
  add column if not exists lead_name       varchar(255),
  add column if not exists created_at      timestamp,
  add column if not exists started_at      timestamp,
  add column if not exists completed_at    timestamp,
  add column if not exists to_number       varchar(32),
  add column if not exists active_number   varchar(32),
  add column if not exists call_status     varchar(32),
  add column if not exists outcome         varchar(32),
  add column if not exists error_code      varchar(64),
  add column if not exists attempts        integer not null default 0;
--> statement-breakpoint
-- The old system's migrations set other defaults, forbade NULL here and there, and had other types in their first days.
-- Each table gets one statement with what differs, or none. (A loop over the catalog, because most databases need little
-- of it, and every statement saved is a lock saved.) A longer varchar is a matter of the catalog alone, and so is a
-- timestamp that loses its zone while the session is in UTC; any other type rewrites the table, which takes less than a
-- second while it is small, and is refused when it is not. (db/migrate/plan.ts reads the same query.)
do $$
declare
  odd record;
begin
  for odd in
    with want (of_table, of_column, type, by_default) as (values
      ('outbound_call_runs', 'id', 'integer', null),
      ('outbound_call_jobs', 'id', 'integer', null),
      ('outbound_call_runs', 'engine', 'character varying(16)', $d$'legacy'::character varying$d$),
      ('outbound_call_runs', 'worker_id', 'uuid', null),
      ('outbound_call_runs', 'last_served_at', 'timestamp with time zone', null),
      ('outbound_call_runs', 'message', 'jsonb', null),
      ('outbound_call_jobs', 'to_number', 'character varying(32)', null),
      ('outbound_call_jobs', 'active_number', 'character varying(32)', null),
      ('outbound_call_jobs', 'call_status', 'character varying(32)', null),
      ('outbound_call_jobs', 'outcome', 'character varying(32)', null),
      ('outbound_call_jobs', 'error_code', 'character varying(64)', null),
      ('outbound_call_jobs', 'attempts', 'integer', $d$0$d$),
      ('outbound_call_runs', 'outbound_list_id', 'integer', null),
      ('outbound_call_runs', 'created_by_user_id', 'integer', null),
      ('outbound_call_runs', 'concurrency', 'integer', $d$3$d$),
      ('outbound_call_runs', 'total_leads', 'integer', $d$0$d$),
      ('outbound_call_runs', 'queued_count', 'integer', $d$0$d$),
      ('outbound_call_runs', 'in_progress_count', 'integer', $d$0$d$),
      ('outbound_call_runs', 'completed_count', 'integer', $d$0$d$),
      ('outbound_call_runs', 'failed_count', 'integer', $d$0$d$),
      ('outbound_call_runs', 'cancelled_count', 'integer', $d$0$d$),
      ('outbound_call_runs', 'cursor_position', 'integer', $d$0$d$),
      ('outbound_call_runs', 'status', 'character varying(32)', $d$'pending'::character varying$d$),
      ('outbound_call_runs', 'cancel_requested', 'boolean', $d$false$d$),
      ('outbound_call_runs', 'last_error', 'text', null),
      ('outbound_call_runs', 'locked_by_worker', 'character varying(128)', null),
      ('outbound_call_runs', 'lock_ts', 'timestamp without time zone', null),
      ('outbound_call_runs', 'created_at', 'timestamp without time zone', $d$now()$d$),
      ('outbound_call_runs', 'started_at', 'timestamp without time zone', null),
      ('outbound_call_runs', 'ended_at', 'timestamp without time zone', null),
      ('outbound_call_runs', 'updated_at', 'timestamp without time zone', $d$now()$d$),
      ('outbound_call_runs', 'completed_at', 'timestamp without time zone', null),
      ('outbound_call_runs', 'business_id', 'integer', null),
      ('outbound_call_jobs', 'run_id', 'integer', null),
      ('outbound_call_jobs', 'lead_id', 'integer', null),
      ('outbound_call_jobs', 'business_id', 'integer', null),
      ('outbound_call_jobs', 'call_log_id', 'integer', null),
      ('outbound_call_jobs', 'project_id', 'integer', null),
      ('outbound_call_jobs', 'status', 'character varying(32)', $d$'queued'::character varying$d$),
      ('outbound_call_jobs', 'error_message', 'text', null),
      ('outbound_call_jobs', 'call_sid', 'character varying(64)', null),
      ('outbound_call_jobs', 'twilio_call_sid', 'character varying(64)', null),
      ('outbound_call_jobs', 'dial_started_at', 'timestamp without time zone', null),
      ('outbound_call_jobs', 'dial_lock_token', 'character varying(64)', null),
      ('outbound_call_jobs', 'lead_name', 'character varying(255)', null),
      ('outbound_call_jobs', 'created_at', 'timestamp without time zone', $d$now()$d$),
      ('outbound_call_jobs', 'started_at', 'timestamp without time zone', null),
      ('outbound_call_jobs', 'completed_at', 'timestamp without time zone', null)
    ), have as (
      select w.of_table, w.of_column, w.type, format_type(a.atttypid, a.atttypmod) as type_now, pg_get_expr(d.adbin, d.adrelid) as default_now,
             case when w.of_column = 'id' then pg_get_expr(d.adbin, d.adrelid) else w.by_default end as by_default,
             a.attnotnull and w.of_column not in ('id', 'business_id', 'run_id', 'lead_id', 'cancel_requested', 'engine', 'attempts') as forbids_null,
             case when a.atttypid = 'varchar'::regtype and w.type like 'character varying%'
                  then a.atttypmod - 4 between 1 and substring(w.type from '\d+')::int
                  else a.atttypid = 'varchar'::regtype and w.type = 'text'
                       or a.atttypid = 'timestamptz'::regtype and w.type = 'timestamp without time zone' and current_setting('TimeZone') = 'UTC'
              end or pg_relation_size(a.attrelid) < 16 * 1024 * 1024 as quick,
             (select string_agg(distinct v.ev_class::regclass::text, ', ')
                from pg_depend n join pg_rewrite v on v.oid = n.objid
               where n.classid = 'pg_rewrite'::regclass and n.refclassid = 'pg_class'::regclass
                 and n.refobjid = a.attrelid and n.refobjsubid = a.attnum) as views
        from want w
        join pg_attribute a on a.attrelid = to_regclass(w.of_table) and a.attname = w.of_column
        left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    ), change as (
      select of_table, of_column, type_now, type, quick, views,
             concat_ws(', ',
               case when default_now is not null and (by_default is null or type_now <> type)
                    then format('alter column %I drop default', of_column) end,
               case when type_now <> type then format('alter column %I type %s using %I::%s', of_column, type, of_column, type) end,
               case when by_default is not null and (default_now is distinct from by_default or type_now <> type)
                    then format('alter column %I set default %s', of_column, by_default) end,
               case when forbids_null then format('alter column %I drop not null', of_column) end) as clause
        from have
    )
    select of_table, string_agg(clause, ', ') as clauses,
           string_agg(case when views is not null then format('%s is %s and should be %s, but %s shows it', of_column, type_now, type, views)
                           else format('%s is %s and should be %s, and the table is too large to be rewritten beside a running CRM', of_column, type_now, type)
                      end, '; ') filter (where type_now <> type and (not quick or views is not null)) as refused
      from change
     where clause <> ''
     group by of_table
  loop
    if odd.refused is not null then
      raise exception 'columns of % have a type that cannot be changed by itself: %', odd.of_table, odd.refused
        using hint = 'A view: drop it, run make migrate, and create it again. A large table: change the type by hand while nobody is calling.';
    end if;
    execute format('alter table %s %s', odd.of_table, odd.clauses);
  end loop;
end $$;
--> statement-breakpoint
-- A rule of the old system's own would refuse states that it did not know, and a column that only the old application
-- fills must not be demanded of us. Neither is missed by whoever wrote by it before.
do $$
declare
  odd record;
begin
  for odd in
    select c.conrelid::regclass as of_table, format('drop constraint %I', c.conname) as clauses, null as refused
      from pg_constraint c
     where c.conrelid in (to_regclass('outbound_call_runs'), to_regclass('outbound_call_jobs')) and c.contype = 'c'
       and c.conname not in ('filled_in', 'outbound_call_runs_status_known', 'outbound_call_runs_end_has_time', 'outbound_call_runs_end_alike',
                             'outbound_call_runs_start_has_time', 'outbound_call_runs_counts', 'outbound_call_runs_concurrency',
                             'outbound_call_jobs_status_known', 'outbound_call_jobs_end_has_time', 'outbound_call_jobs_live_has_token',
                             'outbound_call_jobs_calling_has_sid', 'outbound_call_jobs_sid_alike', 'outbound_call_jobs_active_number')
     union all
    select a.attrelid::regclass, format('alter column %I drop not null', a.attname), null
      from pg_attribute a
     where a.attrelid in (to_regclass('outbound_call_runs'), to_regclass('outbound_call_jobs')) and a.attnum > 0 and not a.attisdropped
       and a.attnotnull and not a.atthasdef and a.attidentity = ''
       and a.attname not in ('id', 'business_id', 'run_id', 'lead_id', 'cancel_requested')
  loop
    execute format('alter table %s %s', odd.of_table, odd.clauses);
    raise warning 'left over from the old system, and in our way: alter table % %', odd.of_table, odd.clauses;
  end loop;
end $$;
