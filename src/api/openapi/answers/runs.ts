// Runs, their jobs and their trail.
import * as v from "valibot";
import { JOB_STATUSES, RUN_STATUSES } from "../../../runs/states.ts";
import { countOf, exact, message, name, named, orNull, time, whole } from "./words.ts";

const until = orNull(v.string());
const Waiting = named(
  "WaitingFor",
  v.variant("reason", [
    exact({ reason: v.literal("old_system"), message }),
    exact({ reason: v.literal("worker"), last_heartbeat: until, message }),
    exact({ reason: v.literal("configuration"), code: v.string(), detail: name, until, message }),
    exact({ reason: v.literal("carrier"), code: v.string(), detail: name, until, message }),
    exact({
      reason: v.literal("slot"),
      limit: whole,
      runs: v.array(exact({ run_id: whole, calls: countOf })),
      message,
    }),
    exact({ reason: v.literal("outcome_unknown"), calls: countOf, since: until, message }),
    exact({ reason: v.literal("pacing"), until, message }),
  ]),
);

export const banner = {
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
export const Runs = named("RunPage", page(Run));

/** What an event stream's `end` says. */
export const RunEnd = exact({ run_id: whole, status: v.picklist(RUN_STATUSES) });

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
