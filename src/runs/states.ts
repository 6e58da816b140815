// The states of runs and jobs and which moves exist. Pure: what the guards in the SQL allow must be moves from here,
// which the tests check. Source: the state list in the README ("A run's life").

export const RUN_STATUSES = ["pending", "running", "completed", "cancelled", "failed", "stopped"] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

export const JOB_STATUSES = ["queued", "dialing", "calling", "completed", "failed", "cancelled"] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** A run that may still dial. */
export const OPEN_RUN: readonly RunStatus[] = ["pending", "running"];
/** A job that holds a slot. */
export const LIVE_JOB: readonly JobStatus[] = ["dialing", "calling"];

const RUN_MOVES: Record<RunStatus, readonly RunStatus[]> = {
  pending: ["running", "cancelled", "stopped"],
  running: ["completed", "cancelled", "failed", "stopped"],
  failed: ["running"],
  completed: [],
  cancelled: [],
  stopped: [],
};

const JOB_MOVES: Record<JobStatus, readonly JobStatus[]> = {
  // Straight to calling: a call given up as never placed that turns out to exist is adopted.
  queued: ["dialing", "calling", "cancelled"],
  // Back to queued only on proof that the call was not placed (429, clean look-ups); cancelled only before the POST.
  dialing: ["calling", "completed", "failed", "queued", "cancelled"],
  calling: ["completed", "failed"],
  completed: [],
  failed: [],
  cancelled: [],
};

export const runMayMove = (from: RunStatus, to: RunStatus): boolean => RUN_MOVES[from].includes(to);
export const jobMayMove = (from: JobStatus, to: JobStatus): boolean => JOB_MOVES[from].includes(to);

/**
 * Until the cut-over the old application writes its own words for the states (`stopping`, upper case, none). They are left
 * as they are, because it reads them back, and shown as the state that the rest of the row speaks for.
 */
export function shownRunStatus(run: {
  status: string | null;
  endedAt: Date | null;
  completedAt: Date | null;
}): RunStatus {
  const word = run.status?.trim().toLowerCase();
  const known = RUN_STATUSES.find((status) => status === word);
  return known ?? ((run.endedAt ?? run.completedAt) ? "failed" : "running");
}

export function shownJobStatus(job: {
  status: string | null;
  callSid: string | null;
  twilioCallSid?: string | null;
  completedAt: Date | null;
}): JobStatus {
  const word = job.status?.trim().toLowerCase();
  const known = JOB_STATUSES.find((status) => status === word);
  if (known) return known;
  if (job.completedAt) return "failed";
  return (job.callSid ?? job.twilioCallSid) ? "calling" : "queued";
}

/** Twilio's words for a call, in the order in which they happen; equal rank: alternatives. */
const CALL_RANK = {
  queued: 0,
  initiated: 1,
  ringing: 2,
  "in-progress": 3,
  completed: 4,
  busy: 4,
  "no-answer": 4,
  failed: 4,
  canceled: 4,
} as const;
export type CallStatus = keyof typeof CALL_RANK;
export type CallEnd = Extract<CallStatus, "completed" | "busy" | "no-answer" | "failed" | "canceled">;

export const isCallStatus = (word: string): word is CallStatus => Object.hasOwn(CALL_RANK, word);
export const isCallEnd = (status: CallStatus): status is CallEnd => CALL_RANK[status] === 4;

/** The statuses that `next` may follow: a callback that is late or repeated finds none of them and changes nothing. */
export function callStatusesBefore(next: CallStatus): CallStatus[] {
  return (Object.keys(CALL_RANK) as CallStatus[]).filter((s) => CALL_RANK[s] < CALL_RANK[next]);
}

/** The statuses that `next` cannot follow, itself included. */
export function callStatusesFrom(next: CallStatus): CallStatus[] {
  return (Object.keys(CALL_RANK) as CallStatus[]).filter((s) => CALL_RANK[s] >= CALL_RANK[next]);
}

/** A job is `completed` when Twilio's call is `completed`; every other end is `failed`. */
export const jobStatusAtEnd = (end: CallEnd): "completed" | "failed" => (end === "completed" ? "completed" : "failed");
