-- Ringpost's own tables: slots, attempts, the audit trail, workers, settings, the carrier account.
create table if not exists outbound_call_slots (
  business_id integer     not null,
  slot_no     integer     not null constraint outbound_call_slots_slot_no check (slot_no >= 1),
  job_id      integer     not null constraint outbound_call_slots_job_id_key unique references outbound_call_jobs (id) on delete cascade,
  run_id      integer     not null,
  token       varchar(64) not null,
  acquired_at timestamptz not null default now(),
  expires_at  timestamptz not null,
  constraint outbound_call_slots_pkey primary key (business_id, slot_no)
);
--> statement-breakpoint
create table if not exists outbound_call_attempts (
  token         varchar(64) primary key,
  job_id        integer     not null references outbound_call_jobs (id) on delete cascade,
  run_id        integer     not null,
  business_id   integer     not null,
  worker_id     uuid        not null,
  from_number   varchar(32) not null,
  to_number     varchar(32) not null,
  claimed_at    timestamptz not null default now(),
  begun_at      timestamptz,
  settled_at    timestamptz,
  closed_at     timestamptz,
  call_sid      varchar(64),
  result        varchar(32),
  error_code    varchar(64),
  clean_lookups integer     not null default 0,
  looked_up_at  timestamptz,
  news_at       timestamptz
);
--> statement-breakpoint
create index concurrently if not exists idx_outbound_call_attempts_job on outbound_call_attempts (job_id);
--> statement-breakpoint
create index concurrently if not exists idx_outbound_call_attempts_open on outbound_call_attempts (run_id) where closed_at is null;
--> statement-breakpoint
create unique index concurrently if not exists unique_attempt_call_sid on outbound_call_attempts (call_sid) where call_sid is not null;
--> statement-breakpoint
create unique index concurrently if not exists unique_unsettled_attempt on outbound_call_attempts (from_number, to_number)
  where begun_at is not null and closed_at is null and call_sid is null;
--> statement-breakpoint
create table if not exists outbound_run_events (
  id          bigserial primary key,
  run_id      integer      not null constraint fk_outbound_run_events_run references outbound_call_runs (id) on delete cascade,
  business_id integer      not null,
  job_id      integer,
  kind        varchar(48)  not null,
  actor       varchar(160) not null,
  detail      jsonb        not null default '{}',
  at          timestamptz  not null default clock_timestamp()
);
--> statement-breakpoint
create index concurrently if not exists idx_outbound_run_events_run on outbound_run_events (run_id, id);
--> statement-breakpoint
create table if not exists outbound_workers (
  id                  uuid primary key,
  name                varchar(128) not null,
  host                varchar(255) not null,
  pid                 integer      not null,
  graphile_worker_ids text[]       not null default '{}',
  started_at          timestamptz  not null default now(),
  heartbeat_at        timestamptz  not null default now(),
  stopped_at          timestamptz
);
--> statement-breakpoint
create table if not exists outbound_business_settings (
  business_id integer primary key references business (id) on delete cascade,
  max_calls   integer constraint outbound_business_settings_max_calls check (max_calls between 1 and 50),
  caller_id   varchar(32),
  message_he  text,
  message_en  text,
  locale      varchar(8) constraint outbound_business_settings_locale check (locale in ('he', 'en')),
  voice_url   text,
  updated_at  timestamptz not null default now()
);
--> statement-breakpoint
create table if not exists outbound_carrier_accounts (
  account_sid    varchar(64) primary key,
  next_turn_at   timestamptz not null default '-infinity',
  paused_until   timestamptz,
  pause_kind     varchar(32),
  pause_code     varchar(64),
  pause_message  text,
  pause_count    integer     not null default 0,
  unknown_errors integer     not null default 0,
  updated_at     timestamptz not null default now()
);
