// Back to the queue: only with proof that the carrier has no call of this attempt (429, never sent, clean look-ups).
import { sql } from "drizzle-orm";
import { row, type Tx } from "../../db/client.ts";
import { lockEnqueue } from "../../db/locks.ts";
import { audit } from "./audit.ts";
import { count } from "./counters.ts";
import type { Held } from "./end.ts";
import { lockRun, utcNow } from "./rows.ts";
import { OPEN_RUN } from "./states.ts";
import { wakeIfWaiting } from "./wake.ts";

/**
 * Why the carrier certainly has no call. `worker_lost` holds only while the POST has not begun, which is looked at again
 * under the run's lock: a worker taken for dead may be marking it at this moment.
 */
export type Proof = "throttled" | "blocked" | "not_sent" | "worker_lost" | "not_found";

/**
 * Takes a dialing job back: `queued` while its run dials, `cancelled` when the run was stopped, cancelled or is asked
 * to be. The token is gone from the job: whatever still comes under it is of an older attempt.
 * @returns what became of the job; null: it was not this attempt's any more
 */
export async function requeueJob(
  tx: Tx,
  held: Held,
  proof: Proof,
  actor: string,
  detail: Record<string, unknown> = {},
): Promise<"queued" | "cancelled" | null> {
  const { jobId, runId, businessId, token } = held;
  const run = await lockRun(tx, businessId, runId);
  if (!run) return null;
  const open = OPEN_RUN.includes(run.status);
  const taken = open && (await numberTaken(tx, held));
  // A failed run keeps its place: its queued jobs wait for resume. Unless a person has ended it: then nobody resumes it.
  const goesOn = (open || run.status === "failed") && !run.cancelRequested && !taken;
  const message = taken
    ? "The number is queued or live in another run"
    : run.status === "stopped"
      ? "Queue stopped by user"
      : "Cancelled by user";
  const moved = await row(
    tx,
    sql`
    with moved as (
      update outbound_call_jobs
         set status = ${goesOn ? "queued" : "cancelled"}, dial_lock_token = null, dial_started_at = null, call_status = null,
             outcome = ${goesOn ? null : "cancelled"}, error_message = ${goesOn ? null : message},
             completed_at = case when ${goesOn} then null else ${utcNow} end,
             error_code = ${taken ? "already_queued" : null},
             active_number = case when not ${goesOn} then null when ${open} then to_number else active_number end
       where id = ${jobId} and business_id = ${businessId} and dial_lock_token = ${token} and status = 'dialing'
         and exists (select from outbound_call_attempts a
                      where a.token = ${token} and a.call_sid is null and (${proof} <> 'worker_lost' or a.begun_at is null))
      returning id
    ), freed as (
      delete from outbound_call_slots s using moved where s.job_id = moved.id and s.token = ${token}
    ), closed as (
      update outbound_call_attempts a
         set closed_at = clock_timestamp(), settled_at = coalesce(settled_at, clock_timestamp()), result = ${proof}
        from moved
       where a.token = ${token}
    )
    select 1 from moved`,
  );
  if (!moved) return null;
  await audit(tx, {
    runId,
    businessId,
    jobId,
    kind: goesOn ? "job.requeued" : "job.cancelled",
    actor,
    detail: { proof, ...detail },
  });
  await count(tx, run, businessId, goesOn ? { inProgress: -1, queued: 1 } : { inProgress: -1, cancelled: 1 });
  await wakeIfWaiting(tx, businessId);
  return goesOn ? "queued" : "cancelled";
}

/**
 * A run that failed and was resumed does not get back the numbers that other runs of the business took meanwhile: its
 * live calls go on without, but none of them may be dialled again.
 */
async function numberTaken(tx: Tx, { jobId, businessId }: Held): Promise<boolean> {
  const without = await row(
    tx,
    sql`select 1 from outbound_call_jobs where id = ${jobId} and business_id = ${businessId} and active_number is null`,
  );
  if (!without) return false;
  await lockEnqueue(tx, businessId);
  const taken = await row(
    tx,
    sql`select 1 from outbound_call_jobs j
          join outbound_call_jobs o on o.business_id = j.business_id and o.active_number = j.to_number and o.id <> j.id
         where j.id = ${jobId} and j.business_id = ${businessId} limit 1`,
  );
  return taken !== undefined;
}
