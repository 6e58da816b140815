// News of a call, from whoever learns it first: the answer to the POST, a callback, a fetch. One transaction that moves
// the job forward or changes nothing; never back, never twice.
import { sql } from "drizzle-orm";
import { inTransaction, row, type Database, type Tx } from "../../db/client.ts";
import { findAttempt, type Attempt } from "./attempt.ts";
import { audit } from "./audit.ts";
import { recordCall } from "./callLog.ts";
import { endJob } from "./end.ts";
import { nobodyListens, type Reached } from "./engine.ts";
import { takeOrphan } from "./orphanCall.ts";
import { lockJob, lockRun, type LockedJob } from "./rows.ts";
import { callStatusesBefore, isCallEnd, isCallStatus, jobStatusAtEnd, LIVE_JOB, type CallStatus } from "./states.ts";
import { wakeEndCalls, wakeHangUp } from "./wake.ts";

export interface CarrierNews {
  /** The attempt's token, from the URL that the carrier calls back; null when only the SID is known. */
  token: string | null;
  sid: string;
  /** Twilio's word. */
  status: string;
  /** Talk time; null until the end. */
  durationSeconds: number | null;
  from: "answer" | "callback" | "fetch";
}

/** applied: something moved. ignored: late, repeated or of no interest. unknown: no attempt of ours. */
export type NewsResult = "applied" | "ignored" | "unknown";

/** Safe to repeat in any order. Throws only what the database throws; nothing has happened then. */
export async function applyNews(
  db: Database,
  news: CarrierNews,
  reached: Reached = nobodyListens,
): Promise<NewsResult> {
  const { status } = news;
  if (!isCallStatus(status)) return "ignored";
  const done = await inTransaction(db, async (tx) => {
    const attempt = await findAttempt(tx, news.token, news.sid);
    if (!attempt) return "unknown";
    if (attempt.callSid !== null && attempt.callSid !== news.sid) return await secondCall(tx, attempt, news.sid);
    // The order of locks is run, job: an end changes the run's counters.
    if (isCallEnd(status)) await lockRun(tx, attempt.businessId, attempt.runId);
    const job = await lockJob(tx, attempt.businessId, attempt.jobId);
    if (!job) return "unknown";
    // Read again under the lock: news of two calls at the same moment both found an attempt without a SID.
    if (job.token === attempt.token && job.callSid !== null && job.callSid !== news.sid)
      return await secondCall(tx, { ...attempt, callSid: job.callSid }, news.sid);
    // Late or repeated news of a call whose job has ended: the commonest of all, and worth no further lock.
    if (job.token === attempt.token && job.callSid === news.sid && !LIVE_JOB.includes(job.status)) return "ignored";
    if (job.token !== attempt.token || !LIVE_JOB.includes(job.status)) return attempt;
    const moved = await moveOn(tx, attempt, job, { ...news, status });
    await reached(news.from === "answer" ? "placed.storing" : "news.applying");
    return moved;
  });
  if (typeof done === "string") return done;
  const orphaned = await takeOrphan(db, done, news.sid, status);
  if (orphaned === "adopted") return await applyNews(db, news, reached);
  return orphaned === "hung_up" ? "applied" : "ignored";
}

async function moveOn(
  tx: Tx,
  attempt: Attempt,
  job: LockedJob,
  news: CarrierNews & { status: CallStatus },
): Promise<NewsResult> {
  const { status, sid } = news;
  const later = job.callStatus === null || (callStatusesBefore(status) as string[]).includes(job.callStatus);
  if (!later && job.callSid !== null) return "ignored";
  const callLogId = await recordCall(tx, attempt, { sid, status, durationSeconds: news.durationSeconds });
  if (isCallEnd(status)) {
    const ended = jobStatusAtEnd(status);
    const errorMessage = ended === "failed" ? status : null;
    const end = { status: ended, outcome: status, callStatus: status, errorMessage, errorCode: null, sid, callLogId };
    return (await endJob(tx, attempt, end, news.from === "answer" ? "queue" : "carrier")) ? "applied" : "ignored";
  }
  await tx.execute(sql`
    update outbound_call_jobs
       set status = 'calling', call_status = ${status}, call_sid = ${sid}, twilio_call_sid = ${sid},
           call_log_id = coalesce(call_log_id, ${callLogId}::int)
     where id = ${job.id} and business_id = ${job.businessId} and dial_lock_token = ${attempt.token}
       and status in ('dialing', 'calling')`);
  await tx.execute(sql`
    update outbound_call_attempts
       set call_sid = ${sid}, settled_at = coalesce(settled_at, clock_timestamp()), news_at = clock_timestamp(), result = 'placed',
           -- Look-ups that missed the call say nothing about whether the carrier knows its SID.
           clean_lookups = case when call_sid is null then 0 else clean_lookups end
     where token = ${attempt.token}`);
  if (job.status === "dialing") {
    const { runId, businessId } = attempt;
    const detail = { call_sid: sid, learned_from: news.from };
    await audit(tx, { runId, businessId, jobId: job.id, kind: "job.calling", actor: "queue", detail });
    await endIfStopped(tx, attempt);
  }
  return "applied";
}

/** A call that becomes known only after its run was stopped: whatever stop did with the others is due for it too. */
async function endIfStopped(tx: Tx, { runId, businessId }: Attempt): Promise<void> {
  const stopped = await row<{ hangUp: boolean }>(
    tx,
    sql`select hang_up as "hangUp" from outbound_call_runs
         where id = ${runId} and business_id = ${businessId} and (status in ('stopped', 'cancelled') or hang_up)`,
  );
  if (stopped) await wakeEndCalls(tx, runId, stopped.hangUp);
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
