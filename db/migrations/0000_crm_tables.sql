-- The CRM's own tables, for a database that has none. Where a table exists it is left exactly as it is.
create table if not exists business (
  id            serial primary key,
  name          varchar(255),
  phone_number  varchar(255),
  is_active     boolean default true,
  calls_enabled boolean default true
);
--> statement-breakpoint
create table if not exists business_settings (
  tenant_id integer primary key references business (id),
  timezone  varchar(64) default 'Asia/Jerusalem'
);
--> statement-breakpoint
create table if not exists users (
  id          serial primary key,
  business_id integer references business (id),
  email       varchar(255),
  name        varchar(255),
  role        varchar(64)
);
--> statement-breakpoint
create table if not exists outbound_lead_lists (
  id          serial primary key,
  tenant_id   integer not null references business (id),
  name        varchar(255),
  file_name   varchar(255),
  total_leads integer default 0,
  created_at  timestamp default now()
);
--> statement-breakpoint
create table if not exists leads (
  id               serial primary key,
  tenant_id        integer not null references business (id),
  first_name       varchar(255),
  last_name        varchar(255),
  name             varchar(255),
  phone_e164       varchar(64),
  status           varchar(64) default 'new',
  source           varchar(64) default 'form',
  outbound_list_id integer references outbound_lead_lists (id),
  city             varchar(255),
  notes            text,
  created_at       timestamp default now(),
  updated_at       timestamp default now()
);
--> statement-breakpoint
create table if not exists call_log (
  id               serial primary key,
  business_id      integer references business (id),
  lead_id          integer references leads (id),
  project_id       integer,
  call_sid         varchar(64) constraint call_log_call_sid_key unique,
  from_number      varchar(64),
  to_number        varchar(64),
  direction        varchar(32),
  status           varchar(32),
  call_status      varchar(32),
  duration         integer,
  recording_url    text,
  recording_sid    varchar(64),
  transcription    text,
  final_transcript text,
  summary          text,
  customer_name    varchar(255),
  created_at       timestamp default now(),
  updated_at       timestamp default now()
);
--> statement-breakpoint
create index concurrently if not exists idx_leads_tenant_list on leads (tenant_id, outbound_list_id);
--> statement-breakpoint
create index concurrently if not exists idx_call_log_business_created on call_log (business_id, created_at);
