// Rows as the CRM's page reads them: names as it spells them, times as ISO 8601 in UTC.
import type { AuditRow, CallRow, JobRow, LeadRow, RunRow } from "../../db/tenant.ts";
import { OPEN_RUN } from "../runs/states.ts";
import type { Waiting } from "../runs/waiting.ts";
import type { Locale } from "./locale.ts";
import { waitingWords } from "./messages.ts";

export const iso = (time: Date | null): string | null => time?.toISOString() ?? null;

export const isOpen = (run: RunRow): boolean => OPEN_RUN.some((status) => status === run.status);
const canCancel = (run: RunRow): boolean => isOpen(run) && !run.cancelRequested;

export function runView(run: RunRow) {
  return {
    run_id: run.id,
    status: run.status,
    queued: run.queuedCount ?? 0,
    in_progress: run.inProgressCount ?? 0,
    completed: run.completedCount ?? 0,
    failed: run.failedCount ?? 0,
    cancelled: run.cancelledCount ?? 0,
    cursor_position: run.cursorPosition ?? 0,
    last_error: run.lastError,
    total_leads: run.totalLeads ?? 0,
    concurrency: run.concurrency ?? 0,
    created_at: iso(run.createdAt),
    started_at: iso(run.startedAt),
    ended_at: iso(run.endedAt),
    created_by_user_id: run.createdByUserId,
    can_cancel: canCancel(run),
    cancel_requested: run.cancelRequested,
  };
}

/** A run with what it waits for, in words. */
export function watchedRunView(run: RunRow, waiting: Waiting | null, locale: Locale) {
  return { ...runView(run), waiting_for: waiting && { ...waiting, message: waitingWords(waiting)[locale] } };
}

/** The few fields of the page's banner. */
export function activeView(run: RunRow) {
  const { run_id, status, queued, in_progress, completed, failed, total_leads, concurrency, created_at } = runView(run);
  return { run_id, status, queued, in_progress, completed, failed, total_leads, concurrency, created_at };
}

/** The progress bar: "job" is the page's old word for a run. */
export function progressView(run: RunRow) {
  const total = run.totalLeads ?? 0;
  const processed = run.cursorPosition ?? 0;
  return {
    job_id: run.id,
    status: run.status,
    total,
    processed,
    success: run.completedCount ?? 0,
    failed: run.failedCount ?? 0,
    in_progress: run.inProgressCount ?? 0,
    queued: run.queuedCount ?? 0,
    progress_pct: total === 0 ? 0 : Math.round((processed / total) * 1000) / 10,
    can_cancel: canCancel(run),
    cancel_requested: run.cancelRequested,
    created_at: iso(run.createdAt),
    completed_at: iso(run.endedAt ?? run.completedAt),
  };
}

export function jobView(job: JobRow) {
  return {
    job_id: job.id,
    lead_id: job.leadId,
    lead_name: job.leadName,
    to_number: job.toNumber,
    status: job.status,
    call_status: job.callStatus,
    outcome: job.outcome,
    error_message: job.errorMessage,
    error_code: job.errorCode,
    call_sid: job.callSid ?? job.twilioCallSid,
    attempts: job.attempts,
    created_at: iso(job.createdAt),
    started_at: iso(job.startedAt),
    completed_at: iso(job.completedAt),
  };
}

export function auditView(event: AuditRow) {
  const { id, kind, actor, jobId, detail, at } = event;
  return { id, at: at.toISOString(), kind, actor, job_id: jobId, detail };
}

export function leadView(lead: LeadRow) {
  return {
    id: lead.id,
    name: lead.name ?? ([lead.firstName, lead.lastName].filter(Boolean).join(" ") || null),
    first_name: lead.firstName,
    last_name: lead.lastName,
    phone: lead.phone,
    status: lead.status,
    notes: lead.notes,
    list_id: lead.listId,
    created_at: iso(lead.createdAt),
  };
}

export function callView(call: CallRow) {
  return {
    call_sid: call.callSid,
    to_number: call.toNumber,
    lead_id: call.leadId,
    lead_name: call.leadName,
    lead_status: call.leadStatus,
    status: call.status,
    started_at: iso(call.createdAt),
    ended_at: iso(call.endedAt),
    duration: call.duration,
    recording_url: call.recordingUrl,
    recording_sid: call.recordingSid,
    transcript: call.transcript,
    summary: call.summary,
  };
}
