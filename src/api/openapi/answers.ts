// The shape of every answer, as the OpenAPI document shows it. A test sends real answers through these schemas, so that
// the document cannot drift from the code; `exact` refuses fields that the document does not name.
import * as v from "valibot";
import { JOB_STATUSES, RUN_STATUSES } from "../../runs/states.ts";
import { PROBLEMS, type ProblemCode } from "../messages.ts";

const exact = v.strictObject;
const whole = v.pipe(v.number(), v.integer());
const countOf = v.pipe(v.number(), v.integer(), v.minValue(0));
const name = v.nullable(v.string());
const time = v.pipe(v.string(), v.isoTimestamp());
const orNull = <S extends v.GenericSchema>(schema: S) => v.nullable(schema);
const named = <S extends v.GenericSchema>(ref: string, schema: S) => v.pipe(schema, v.metadata({ ref }));
const message = v.pipe(v.string(), v.description("For people, in the language that Accept-Language asks for."));

const reasons = ["missing_phone", "invalid_phone", "duplicate_phone", "already_queued"] as const;
const Skipped = named("SkippedLead", exact({ lead_id: whole, reason: v.picklist(reasons) }));

const until = orNull(v.string());
const Waiting = named(
  "WaitingFor",
  v.variant("reason", [
    exact({ reason: v.literal("worker"), last_heartbeat: until, message }),
    exact({ reason: v.literal("configuration"), code: v.string(), detail: name, until, message }),
    exact({ reason: v.literal("carrier"), code: v.string(), detail: name, until, message }),
    exact({
      reason: v.literal("slot"),
      limit: whole,
      runs: v.array(exact({ run_id: whole, calls: countOf })),
      message,
    }),
    exact({ reason: v.literal("pacing"), until, message }),
  ]),
);

const banner = {
  run_id: whole,
  status: v.picklist(RUN_STATUSES),
  queued: countOf,
  in_progress: countOf,
  completed: countOf,
  failed: countOf,
  total_leads: countOf,
  concurrency: countOf,
  created_at: orNull(time),
};
const run = {
  ...banner,
  cancelled: countOf,
  cursor_position: countOf,
  last_error: name,
  started_at: orNull(time),
  ended_at: orNull(time),
  created_by_user_id: orNull(whole),
  can_cancel: v.boolean(),
  cancel_requested: v.boolean(),
};

export const Run = named("Run", exact(run));
export const WatchedRun = named("WatchedRun", exact({ ...run, waiting_for: orNull(Waiting) }));
const page = <S extends v.GenericSchema>(item: S) => exact({ items: v.array(item), next_cursor: name });
const numbered = { total: countOf, page: whole, page_size: whole };
export const Runs = named("RunPage", page(Run));

const Job = exact({
  job_id: whole,
  lead_id: whole,
  lead_name: name,
  to_number: name,
  status: v.picklist(JOB_STATUSES),
  call_status: name,
  outcome: name,
  error_message: name,
  error_code: name,
  call_sid: name,
  attempts: countOf,
  created_at: orNull(time),
  started_at: orNull(time),
  completed_at: orNull(time),
});
export const Jobs = named("JobPage", page(named("Job", Job)));

const AuditEvent = exact({
  id: whole,
  at: time,
  kind: v.string(),
  actor: v.string(),
  job_id: orNull(whole),
  detail: v.record(v.string(), v.unknown()),
});
export const Audit = named("AuditPage", page(named("AuditEvent", AuditEvent)));

export const Active = named(
  "ActiveRun",
  v.variant("active", [exact({ active: v.literal(false) }), exact({ active: v.literal(true), run: exact(banner) })]),
);

export const Progress = named(
  "Progress",
  exact({
    job_id: v.pipe(whole, v.description("The run's id: the page's older word for a run.")),
    status: v.picklist(RUN_STATUSES),
    total: countOf,
    processed: countOf,
    success: countOf,
    failed: countOf,
    in_progress: countOf,
    queued: countOf,
    progress_pct: v.pipe(v.number(), v.minValue(0), v.maxValue(100)),
    can_cancel: v.boolean(),
    cancel_requested: v.boolean(),
    created_at: orNull(time),
    completed_at: orNull(time),
  }),
);
export const Counts = named(
  "Counts",
  exact({ active_total: countOf, active_outbound: countOf, max_total: countOf, max_outbound: countOf }),
);

export const Enqueued = named("Enqueued", exact({ run_id: whole, queued: countOf, skipped: v.array(Skipped) }));
const Call = exact({
  lead_id: whole,
  lead_name: name,
  call_sid: name,
  status: v.picklist(["initiated", "queued", "failed"]),
  error: v.optional(v.string()),
});
export const Started = named(
  "Started",
  exact({ success: v.boolean(), message, run_id: whole, calls: v.array(named("StartedCall", Call)) }),
);
export const Queued = named(
  "Queued",
  exact({ success: v.literal(true), message, run_id: whole, queued: countOf, mode: v.literal("bulk_queue") }),
);

const said = { success: v.literal(true), message };
export const Said = named("Said", exact(said));
export const Stopped = named("Stopped", exact({ ...said, cancelled_jobs: v.optional(countOf) }));
export const Resumed = named(
  "Resumed",
  exact({ ...said, run_id: whole, status: v.picklist(RUN_STATUSES), queued: countOf, skipped: countOf }),
);
export const CleanedUp = named("CleanedUp", exact({ ...said, cleaned_count: countOf }));
export const Deleted = named("Deleted", exact({ ...said, deleted_count: countOf }));

export const Settings = named(
  "Settings",
  exact({
    max_calls: orNull(whole),
    caller_id: name,
    message_he: name,
    message_en: name,
    locale: orNull(v.picklist(["he", "en"])),
    voice_url: name,
    updated_at: orNull(time),
    defaults: exact({ max_calls: whole, caller_id: name, locale: v.picklist(["he", "en"]) }),
  }),
);

export const Imported = named(
  "Imported",
  exact({
    success: v.literal(true),
    list_id: whole,
    list_name: v.string(),
    imported_count: countOf,
    skipped_count: countOf,
    errors: v.pipe(v.array(v.string()), v.maxLength(20)),
    mapping: v.record(v.string(), v.union([v.string(), whole])),
  }),
);
const Lead = exact({
  id: whole,
  name,
  first_name: name,
  last_name: name,
  phone: name,
  status: name,
  notes: name,
  list_id: orNull(whole),
  created_at: orNull(time),
});
export const Leads = named(
  "LeadPage",
  exact({ ...numbered, limit: whole, current_count: countOf, items: v.array(named("Lead", Lead)) }),
);
const LeadList = exact({
  id: whole,
  name,
  file_name: name,
  total_leads: countOf,
  current_leads: countOf,
  created_at: orNull(time),
});
export const Lists = named("LeadLists", exact({ lists: v.array(named("LeadList", LeadList)) }));

const RecentCall = exact({
  call_sid: name,
  to_number: name,
  lead_id: orNull(whole),
  lead_name: name,
  lead_status: name,
  status: name,
  started_at: orNull(time),
  ended_at: orNull(time),
  duration: orNull(v.pipe(whole, v.description("Talk time in seconds."))),
  recording_url: name,
  recording_sid: name,
  transcript: name,
  summary: name,
});
export const Calls = named("RecentCalls", exact({ ...numbered, items: v.array(named("RecentCall", RecentCall)) }));

export const Alive = named("Alive", exact({ status: v.literal("ok") }));
export const Ready = named("Ready", exact({ status: v.literal("ready"), workers: countOf }));

const Fault = exact({
  in: v.string(),
  field: v.string(),
  rule: v.string(),
  expected: v.optional(v.string()),
});
export const Problem = named(
  "Problem",
  exact({
    type: v.string(),
    title: v.string(),
    status: whole,
    detail: v.string(),
    instance: v.optional(v.pipe(v.string(), v.description("Of a 5xx: the id of its line in our log."))),
    code: v.pipe(
      v.picklist(Object.keys(PROBLEMS) as ProblemCode[]),
      v.description("Stable: a code never changes its meaning."),
    ),
    error: message,
    errors: v.optional(v.array(v.union([v.string(), named("Fault", Fault)]))),
    skipped: v.optional(v.array(Skipped)),
    skipped_count: v.optional(countOf),
    success: v.optional(v.literal(false)),
    message: v.optional(message),
  }),
);
