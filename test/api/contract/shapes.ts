// The answers of the contract, field by field.
import type { Shape } from "./shape.ts";

export const BANNER = {
  run_id: "int",
  status: "run status",
  queued: "int",
  in_progress: "int",
  completed: "int",
  failed: "int",
  total_leads: "int",
  concurrency: "int",
  created_at: "time",
} satisfies Shape;
export const RUN = {
  ...BANNER,
  cancelled: "int",
  cursor_position: "int",
  last_error: "string?",
  started_at: "time?",
  ended_at: "time?",
  created_by_user_id: "int?",
  can_cancel: "bool",
  cancel_requested: "bool",
} satisfies Shape;
export const NO_WORKER: Shape = { reason: "string", last_heartbeat: "time?", message: "string" };
export const JOB: Shape = {
  job_id: "int",
  lead_id: "int",
  lead_name: "string?",
  to_number: "string?",
  status: "string",
  call_status: "string?",
  outcome: "string?",
  error_message: "string?",
  error_code: "string?",
  call_sid: "string?",
  attempts: "int",
  created_at: "time?",
  started_at: "time?",
  completed_at: "time?",
};
export const EVENT: Shape = { id: "int", at: "time", kind: "string", actor: "string", job_id: "int?", detail: "any" };
export const PROGRESS: Shape = {
  job_id: "int",
  status: "run status",
  total: "int",
  processed: "int",
  success: "int",
  failed: "int",
  in_progress: "int",
  queued: "int",
  progress_pct: "number",
  can_cancel: "bool",
  cancel_requested: "bool",
  created_at: "time",
  completed_at: "time?",
};
export const SKIPPED: Shape = [{ lead_id: "int", reason: "string" }];
export const ENQUEUED: Shape = { run_id: "int", queued: "int", skipped: SKIPPED };
export const SAID = { success: "true", message: "string" } satisfies Shape;
const STARTED_CALL: Shape = { lead_id: "int", lead_name: "string?", call_sid: "string?", status: "string" };
export const STARTED: Shape = { ...SAID, run_id: "int", calls: [STARTED_CALL] };
export const QUEUED: Shape = { ...SAID, run_id: "int", queued: "int", mode: "string" };
export const STOPPED: Shape = { ...SAID, cancelled_jobs: "int" };
export const RESUMED: Shape = { ...SAID, run_id: "int", status: "run status", queued: "int", skipped: "int" };
export const DELETED: Shape = { ...SAID, deleted_count: "int" };
export const CLEANED: Shape = { ...SAID, cleaned_count: "int" };
export const COUNTS: Shape = { active_total: "int", active_outbound: "int", max_total: "int", max_outbound: "int" };
export const CALL: Shape = {
  call_sid: "string?",
  to_number: "string?",
  lead_id: "int?",
  lead_name: "string?",
  lead_status: "string?",
  status: "string?",
  started_at: "time?",
  ended_at: "time?",
  duration: "int?",
  recording_url: "string?",
  recording_sid: "string?",
  transcript: "string?",
  summary: "string?",
};
export const IMPORTED: Shape = {
  success: "true",
  list_id: "int",
  list_name: "string",
  imported_count: "int",
  skipped_count: "int",
  errors: ["string"],
  mapping: "any",
};
const LEAD: Shape = {
  id: "int",
  name: "string?",
  first_name: "string?",
  last_name: "string?",
  phone: "string?",
  status: "string?",
  notes: "string?",
  list_id: "int?",
  created_at: "time?",
};
export const LIST: Shape = {
  id: "int",
  name: "string?",
  file_name: "string?",
  total_leads: "int",
  current_leads: "int",
  created_at: "time?",
};
export const LIST_CALLS: Shape = { list_id: "int", current_leads: "int", called_leads: "int", last_called_at: "time?" };
export const SETTINGS: Shape = {
  max_calls: "int?",
  caller_id: "string?",
  message_he: "string?",
  message_en: "string?",
  locale: "string?",
  voice_url: "string?",
  updated_at: "time?",
  defaults: { max_calls: "int", caller_id: "string?", locale: "string" },
};
export const PROBLEM = {
  type: "string",
  title: "string",
  status: "int",
  detail: "string",
  code: "string",
  error: "string",
} satisfies Shape;
export const FAULTS: Shape = "any";

export const page = (item: Shape): Shape => ({ items: [item], next_cursor: "string?" });
export const numbered = (item: Shape) =>
  ({ total: "int", page: "int", page_size: "int", items: [item] }) satisfies Shape;
export const LEADS: Shape = { ...numbered(LEAD), limit: "int", current_count: "int" };
