// The databases that the old system may have left behind: its migrations one after the other, each cut into statements,
// so that a test can stop anywhere or take any mixture of them.
import type { Random } from "../support/random.ts";

export interface OldStep {
  name: string;
  statements: string[];
}

/** A CRM of before: its tables have more columns than we read, and orders of their own. */
export const CRM = [
  `create table business (id serial primary key, business_type varchar(64), name varchar(255) not null, phone_number varchar(255),
     is_active boolean default true, calls_enabled boolean default true, created_at timestamp default now())`,
  `create table users (id serial primary key, email varchar(255) not null, name varchar(255), password_hash text, role varchar(64),
     business_id integer references business (id))`,
  `create table outbound_lead_lists (id serial primary key, tenant_id integer not null references business (id), name varchar(255),
     file_name varchar(255), total_leads integer default 0, created_at timestamp default now())`,
  `create table leads (id serial primary key, tenant_id integer not null references business (id), first_name varchar(255),
     last_name varchar(255), name varchar(255), phone_e164 varchar(64), email varchar(255), status varchar(64) default 'new',
     source varchar(64) default 'form', outbound_list_id integer references outbound_lead_lists (id), city varchar(255), notes text,
     created_at timestamp default now(), updated_at timestamp default now())`,
  `create table call_log (id serial primary key, business_id integer references business (id), lead_id integer references leads (id),
     project_id integer, call_sid varchar(64) unique, from_number varchar(64), to_number varchar(64), direction varchar(32),
     status varchar(32), call_status varchar(32), duration integer, recording_url text, recording_sid varchar(64), transcription text,
     final_transcript text, summary text, customer_name varchar(255), cost numeric, created_at timestamp default now(), updated_at timestamp default now())`,
];

/** `keys`: with foreign keys and NOT NULL, as they should have been; without, anything may be in the rows. */
export function oldSteps(keys: boolean): OldStep[] {
  const ref = (table: string, rest = "") => (keys ? ` not null references ${table} (id)${rest}` : "");
  return [
    {
      name: "40a",
      statements: [
        `create table outbound_call_runs (id serial primary key, business_id integer${ref("business")},
           outbound_list_id integer${keys ? " references outbound_lead_lists (id)" : ""}, status varchar(32)${keys ? " not null" : ""} default 'running',
           concurrency integer${keys ? " not null" : ""} default 3, total_leads integer default 0, queued_count integer default 0,
           in_progress_count integer default 0, completed_count integer default 0, failed_count integer default 0,
           last_error text, created_at timestamp${keys ? " not null" : ""} default now(), completed_at timestamp)`,
        "create index idx_outbound_call_runs_business_id on outbound_call_runs (business_id)",
        "create index idx_outbound_call_runs_status on outbound_call_runs (status)",
        "create index idx_outbound_call_runs_created_at on outbound_call_runs (created_at)",
      ],
    },
    {
      name: "40b",
      statements: [
        `create table outbound_call_jobs (id serial primary key, run_id integer${ref("outbound_call_runs", " on delete cascade")},
           lead_id integer${ref("leads")}, call_log_id integer${keys ? " references call_log (id)" : ""}, status varchar(20) default 'queued',
           error_message text, call_sid varchar(64), created_at timestamp, started_at timestamp, completed_at timestamp)`,
        "create index idx_outbound_call_jobs_run_id on outbound_call_jobs (run_id)",
        "create index idx_outbound_call_jobs_lead_id on outbound_call_jobs (lead_id)",
        "create index idx_outbound_call_jobs_status on outbound_call_jobs (status)",
        "create index idx_outbound_call_jobs_call_sid on outbound_call_jobs (call_sid)",
      ],
    },
    {
      name: "46a",
      statements: [
        "alter table outbound_call_jobs add column twilio_call_sid varchar(64)",
        "create index idx_outbound_call_jobs_twilio_sid on outbound_call_jobs (twilio_call_sid)",
      ],
    },
    { name: "46b", statements: ["alter table outbound_call_jobs add column dial_started_at timestamp"] },
    {
      name: "46c",
      statements: [
        "alter table outbound_call_jobs add column dial_lock_token varchar(64)",
        "create index idx_outbound_call_jobs_lock_token on outbound_call_jobs (dial_lock_token)",
      ],
    },
    {
      name: "46d",
      statements: [
        "create index idx_outbound_call_jobs_status_twilio_sid on outbound_call_jobs (status, twilio_call_sid)",
      ],
    },
    {
      name: "cancel_requested",
      statements: ["alter table outbound_call_runs add column cancel_requested boolean default false"],
    },
    {
      name: "updated_at",
      statements: ["alter table outbound_call_runs add column updated_at timestamp default now()"],
    },
    { name: "lead_name", statements: ["alter table outbound_call_jobs add column lead_name varchar(255)"] },
    { name: "project_id", statements: ["alter table outbound_call_jobs add column project_id integer"] },
    {
      name: "113",
      statements: [
        `alter table outbound_call_runs add column created_by_user_id integer${keys ? " references users (id)" : ""}`,
        "alter table outbound_call_runs add column started_at timestamp",
        "alter table outbound_call_runs add column ended_at timestamp",
        "alter table outbound_call_runs add column cursor_position integer default 0",
        "alter table outbound_call_runs add column locked_by_worker varchar(128)",
        "alter table outbound_call_runs add column lock_ts timestamp",
        "alter table outbound_call_jobs add column business_id integer",
        "update outbound_call_jobs j set business_id = r.business_id from outbound_call_runs r where r.id = j.run_id",
        ...(keys
          ? [
              "delete from outbound_call_jobs where business_id is null",
              "alter table outbound_call_jobs alter column business_id set not null",
              "alter table outbound_call_jobs add constraint fk_outbound_call_jobs_business foreign key (business_id) references business (id)",
            ]
          : []),
        "create index idx_outbound_call_jobs_business_id on outbound_call_jobs (business_id)",
        ...(keys ? ["alter table outbound_call_jobs add constraint unique_run_lead unique (run_id, lead_id)"] : []),
      ],
    },
  ];
}

export interface OldState {
  name: string;
  statements: string[];
  keys: boolean;
}

/** Every prefix of the old migrations, with their keys and without. */
export function prefixes(): OldState[] {
  return [true, false].flatMap((keys) => {
    const steps = oldSteps(keys);
    return steps.map((last, n) => ({
      name: `up to ${last.name}${keys ? "" : ", without keys"}`,
      statements: steps.slice(0, n + 1).flatMap((step) => step.statements),
      keys,
    }));
  });
}

/** Both tables, and of every later statement the toss of a coin: half-applied in any order. What cannot run then is left out. */
export function mixture(random: Random, n: number): OldState {
  const keys = random.below(2) === 1;
  const [runs, jobs, ...later] = oldSteps(keys).map((step) => step.statements);
  const [first = "", ...indexes] = runs ?? [];
  const [second = "", ...others] = jobs ?? [];
  const chosen = [...indexes, ...others, ...later.flat()].filter(() => random.below(2) === 1);
  return { name: `mixture ${n}`, statements: [first, second, ...chosen], keys };
}
