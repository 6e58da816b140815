// Why the news of a call moved nothing: it is late, repeated, of a call that is not ours, or of a second call.
import { sql } from "drizzle-orm";
import { row, type Tx } from "../../db/client.ts";
import { findAttempt, type Attempt } from "./attempt.ts";
import { audit } from "./audit.ts";
import { lockJob } from "./rows.ts";
import { callStatusesBefore, LIVE_JOB, type CallStatus } from "./states.ts";
import { wakeHangUp } from "./wake.ts";

/** applied: something moved. ignored: late, repeated or of no interest. unknown: no attempt of ours. */
export type NewsResult = "applied" | "ignored" | "unknown";

export interface NotMoved {
  attempt: Attempt;
  /** can_move: somebody was quicker, or only the SID says whose call it is; try again. */
  job: "can_move" | "waits_no_more";
}

/** Why the news moved nothing, looked at under the job's lock. */
export async function whyNot(
  tx: Tx,
  token: string | null,
  sid: string,
  status: CallStatus,
): Promise<NewsResult | NotMoved> {
  const attempt = await findAttempt(tx, token, sid);
  if (!attempt) return "unknown";
  if (attempt.callSid !== null && attempt.callSid !== sid) return await secondCall(tx, attempt, sid);
  const job = await lockJob(tx, attempt.businessId, attempt.jobId);
  if (!job) return "unknown";
  const own = job.token === attempt.token;
  // Read again under the lock: news of two calls at the same moment both found an attempt without a SID.
  if (own && job.callSid !== null && job.callSid !== sid)
    return await secondCall(tx, { ...attempt, callSid: job.callSid }, sid);
  const live = LIVE_JOB.includes(job.status);
  // Late or repeated news of a call whose job has ended: the commonest of all.
  if (own && job.callSid === sid && !live) return "ignored";
  if (!own || !live) return { attempt, job: "waits_no_more" };
  const earlier: readonly string[] = callStatusesBefore(status);
  if (job.callSid !== null && job.callStatus !== null && !earlier.includes(job.callStatus)) return "ignored";
  return { attempt, job: "can_move" };
}

/** One token, two calls: the one thing that must never be. The second is hung up, and the trail says so. */
async function secondCall(tx: Tx, attempt: Attempt, sid: string): Promise<NewsResult> {
  const { runId, businessId, jobId } = attempt;
  const known = await row(
    tx,
    sql`select 1 from outbound_run_events where job_id = ${jobId} and kind = 'job.second_call' and detail ->> 'call_sid' = ${sid}`,
  );
  if (known) return "ignored";
  await audit(tx, {
    runId,
    businessId,
    jobId,
    kind: "job.second_call",
    actor: "carrier",
    detail: { call_sid: sid, first: attempt.callSid },
  });
  await wakeHangUp(tx, sid);
  return "applied";
}
