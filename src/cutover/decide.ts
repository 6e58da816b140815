// The rules of the hand-over: what becomes of a run of the old system and of each of its jobs. Pure; nobody who may have
// been called is ever put back in the queue, and no number waits twice.
import type { NormalisedPhone } from "../leads/phone.ts";
import type { JobStatus, RunStatus } from "../runs/states.ts";

export interface OldRun {
  status: RunStatus;
  cancelRequested: boolean;
  ageMs: number;
}

export interface OldJob {
  id: number;
  status: JobStatus;
  /** The lead's number of today. */
  phone: NormalisedPhone;
  sid: string | null;
  /** The old worker took it: a lock token or a time. The first versions wrote no more than when a job began and ended. */
  touched: boolean;
  /** Since it was dialled or made. */
  ageMs: number;
}

/** What the business has in use already. Grows with every run that is decided. */
export interface Taken {
  numbers: Set<string>;
  sids: Set<string>;
}

export type Move =
  | { id: number; to: "queued"; number: string }
  | { id: number; to: "live"; number: string | null; sid: string }
  | { id: number; to: "failed"; outcome: string; code: string; message: string }
  | { id: number; to: "cancelled"; code: string | null; message: string };

/**
 * A run that waits for less than this goes on by itself; an older one must not make phones ring unasked, and nor must one
 * whose time lies in the future: nobody knows how old that is.
 */
export const FRESH_MS = 30 * 60_000;
/** No call lasts longer (the carrier ends it after four hours), so the carrier need not be asked about it. */
export const LIVE_MS = 24 * 3_600_000;

const UNKNOWN = "outcome_unknown";

const isLive = (job: OldJob) => job.status === "dialing" || job.status === "calling";

const mayHaveCalled = (job: OldJob) => job.touched || job.sid !== null;

/** What the run becomes if it has anybody left. */
export function statusAfter(run: OldRun, jobs: readonly OldJob[]): RunStatus {
  if (run.status === "completed" || run.status === "cancelled" || run.status === "stopped") return run.status;
  // Also where it failed meanwhile: resume refuses such a run, and its jobs would wait for nobody.
  if (run.cancelRequested) return "cancelled";
  if (run.status === "failed") return "failed";
  return run.status === "pending" && Math.abs(run.ageMs) < FRESH_MS && !jobs.some(isLive) ? "pending" : "failed";
}

/** One move for each job that has not ended; jobs in the order of their ids. Adds to `taken`. */
export function decideJobs(run: OldRun, jobs: readonly OldJob[], taken: Taken): Move[] {
  const after = statusAfter(run, jobs);
  const wasOpen = run.status === "pending" || run.status === "running";
  // Whoever was called in this run, or may have been, keeps the number from being called again in it.
  const inRun = new Set(jobs.filter((job) => job.status !== "queued" || mayHaveCalled(job)).flatMap(numberOf));
  return jobs.flatMap((job): Move[] => {
    if (isLive(job)) return [liveMove(job, taken)];
    if (job.status !== "queued") return [];
    if (mayHaveCalled(job)) return [failed(job.id, UNKNOWN, UNKNOWN, "The old system may have called")];
    if (after !== "pending" && after !== "failed")
      return [{ id: job.id, to: "cancelled", code: null, message: endOf(after) }];
    if (!job.phone.ok) return [failed(job.id, "rejected", job.phone.reason, job.phone.reason)];
    const number = job.phone.e164;
    if (inRun.has(number)) return [duplicate(job.id, "duplicate_phone", "Another lead of this run has the number")];
    inRun.add(number);
    if (wasOpen && taken.numbers.has(number))
      return [duplicate(job.id, "already_queued", "The number is queued or live in another run")];
    if (wasOpen) taken.numbers.add(number);
    return [{ id: job.id, to: "queued", number }];
  });
}

const numberOf = (job: OldJob): string[] => (job.phone.ok ? [job.phone.e164] : []);

/** A call that may be under way is kept: the carrier knows it by its SID, and reconcile asks. Without one, nobody does. */
function liveMove(job: OldJob, taken: Taken): Move {
  if (job.sid === null) return failed(job.id, UNKNOWN, UNKNOWN, "The old system may have called");
  if (job.ageMs > LIVE_MS || taken.sids.has(job.sid))
    return failed(job.id, UNKNOWN, UNKNOWN, "The old system did not record how the call ended");
  taken.sids.add(job.sid);
  if (job.phone.ok) taken.numbers.add(job.phone.e164);
  return { id: job.id, to: "live", number: job.phone.ok ? job.phone.e164 : null, sid: job.sid };
}

const failed = (id: number, outcome: string, code: string, message: string): Move => ({
  id,
  to: "failed",
  outcome,
  code,
  message,
});
const duplicate = (id: number, code: string, message: string): Move => ({ id, to: "cancelled", code, message });

function endOf(status: RunStatus): string {
  if (status === "stopped") return "Queue stopped by user";
  return status === "cancelled" ? "Cancelled by user" : "The run had ended";
}
