// Rows as the CRM's page reads them: names as it spells them, times as ISO 8601 in UTC.
import type { AuditRow, CallRow, JobRow, LeadRow, RunRow } from "../../db/tenant.ts";
import { OPEN_RUN, shownJobStatus, shownRunStatus } from "../runs/states.ts";
import type { Waiting } from "../runs/waiting.ts";
import type { Locale } from "./locale.ts";
import { waitingWords } from "./waitingWords.ts";

export const iso = (time: Date | null): string | null => time?.toISOString() ?? null;

export const isOpen = (run: RunRow): boolean => OPEN_RUN.includes(shownRunStatus(run));
const canCancel = (run: RunRow): boolean => isOpen(run) && !run.cancelRequested && run.engine === "ringpost";
/** The old system counts down below zero, and forgets to count. */
const counted = (n: number | null): number => Math.max(0, n ?? 0);

export function runView(run: RunRow) {
  return {
    run_id: run.id,
    status: shownRunStatus(run),
    queued: counted(run.queuedCount),
    in_progress: counted(run.inProgressCount),
    completed: counted(run.completedCount),
    failed: counted(run.failedCount),
    cancelled: counted(run.cancelledCount),
    cursor_position: counted(run.cursorPosition),
    last_error: run.lastError,
    total_leads: counted(run.totalLeads),
    concurrency: counted(run.concurrency),
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
  const total = counted(run.totalLeads);
  const processed = counted(run.cursorPosition);
  return {
    job_id: run.id,
    status: shownRunStatus(run),
    total,
    processed,
    success: counted(run.completedCount),
    failed: counted(run.failedCount),
    in_progress: counted(run.inProgressCount),
    queued: counted(run.queuedCount),
    progress_pct: total === 0 ? 0 : Math.min(100, Math.round((processed / total) * 1000) / 10),
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
    status: shownJobStatus(job),
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
