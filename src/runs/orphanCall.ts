// A call that its job no longer waits for: its attempt was given up, and then the carrier turns out to have it. While
// the lead has not been dialled again, the call is adopted (nobody must be called twice); otherwise it is hung up.
import { sql } from "drizzle-orm";
import { row, type Database, type Tx } from "../../db/client.ts";
import { inTransaction } from "../../db/transaction.ts";
import { lockBusiness } from "../../db/locks.ts";
import type { Attempt } from "./attempt.ts";
import { audit } from "./audit.ts";
import { recordCall, type CallNews } from "./callLog.ts";
import { count } from "./counters.ts";
import { requeueJob } from "./requeue.ts";
import { lockJob, lockRun, utcNow, type LockedRun } from "./rows.ts";
import { isCallEnd, LIVE_JOB, type CallStatus } from "./states.ts";
import { wakeHangUp } from "./wake.ts";

/** adopted: the job carries the call (again), apply the news to it. hung_up: it is being ended. ignored: it had ended. */
export type Orphaned = "adopted" | "hung_up" | "ignored";

type OrphanCall = CallNews & { status: CallStatus };

/**
 * Safe to repeat. In a transaction of its own: the locks that adoption needs come before the job's.
 * @param logged with a row in call_log
 */
export async function takeOrphan(db: Database, attempt: Attempt, call: OrphanCall, logged: boolean): Promise<Orphaned> {
  const { sid } = call;
  const { businessId, runId, jobId, token } = attempt;
  return await inTransaction(db, async (tx) => {
    await lockBusiness(tx, businessId);
    const run = await lockRun(tx, businessId, runId);
    const job = run && (await lockJob(tx, businessId, jobId));
    if (!run || !job) return "ignored";
    if (job.token === token && job.status !== "queued") {
      if (job.callSid !== sid) return await hangUp(tx, attempt, call, logged);
      // Other news of the call was quicker, and adopted it.
      return LIVE_JOB.includes(job.status) ? "adopted" : "ignored";
    }
    // Claimed again, and the second call has not begun: the run's lock keeps it from beginning now.
    if (job.status === "dialing" && job.token !== null)
      await requeueJob(tx, { jobId, runId, businessId, token: job.token }, "worker_lost", "reconcile", {
        superseded_by: sid,
      });
    const again = await lockRun(tx, businessId, runId);
    return again && (await adoptQueued(tx, attempt, again, sid)) ? "adopted" : await hangUp(tx, attempt, call, logged);
  });
}

async function adoptQueued(tx: Tx, attempt: Attempt, run: LockedRun, sid: string): Promise<boolean> {
  const { businessId, runId, jobId, token } = attempt;
  const adopted = await row(
    tx,
    sql`
    with adopted as (
      update outbound_call_jobs
         set status = 'calling', dial_lock_token = ${token}, dial_started_at = ${utcNow}, call_sid = ${sid}, twilio_call_sid = ${sid},
             call_status = 'queued'
       where id = ${jobId} and business_id = ${businessId} and status = 'queued'
      returning id
    ), slotted as (
      -- The call exists, whatever the limit says: above it, if need be, and nothing new is claimed until it is free again.
      insert into outbound_call_slots (business_id, slot_no, job_id, run_id, token, expires_at)
      select ${businessId}, (select min(n) from generate_series(1, 1000) n
                              where not exists (select from outbound_call_slots s where s.business_id = ${businessId} and s.slot_no = n)),
             id, ${runId}, ${token}, clock_timestamp()
        from adopted
    ), reopened as (
      update outbound_call_attempts a
         set closed_at = null, result = 'placed', call_sid = ${sid}, news_at = clock_timestamp(), clean_lookups = 0
        from adopted
       where a.token = ${token}
    )
    select 1 from adopted`,
  );
  if (!adopted) return false;
  const detail = { evidence: `adopted ${sid}: its attempt had been given up` };
  await audit(tx, { runId, businessId, jobId, kind: "job.adopted", actor: "carrier", detail });
  await count(tx, run, businessId, { queued: -1, inProgress: 1 });
  return true;
}

async function hangUp(tx: Tx, attempt: Attempt, call: OrphanCall, logged: boolean): Promise<"hung_up" | "ignored"> {
  const { sid, status } = call;
  const { businessId, runId, jobId, token } = attempt;
  // A phone rang: the CRM shows it, whatever became of the job.
  if (logged) await recordCall(tx, attempt, call);
  const fresh = await row(
    tx,
    sql`update outbound_call_attempts set call_sid = ${sid}, news_at = clock_timestamp()
         where token = ${token} and call_sid is null
        returning 1`,
  );
  if (!fresh || isCallEnd(status)) return "ignored";
  await audit(tx, {
    runId,
    businessId,
    jobId,
    kind: "job.orphan_hung_up",
    actor: "carrier",
    detail: { call_sid: sid },
  });
  await wakeHangUp(tx, sid);
  return "hung_up";
}
