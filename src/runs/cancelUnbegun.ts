// Ends every job of a run that certainly has not reached the carrier: what is queued, and claims whose POST has not
// begun. What has begun is left to its callbacks.
import { sql } from "drizzle-orm";
import { rows, type Tx } from "../../db/client.ts";
import { count } from "./counters.ts";
import { utcNow, waitingRun, type LockedRun } from "./rows.ts";
import type { RunStatus } from "./states.ts";

/**
 * The caller holds the business's lock and the run's row lock, which no begun mark can pass.
 * @returns how many jobs were cancelled, and the run's status afterwards (ended when nothing is left)
 */
export async function cancelUnbegun(
  tx: Tx,
  businessId: number,
  run: LockedRun,
  message: "Cancelled by user" | "Queue stopped by user",
): Promise<{ cancelled: number; status: RunStatus }> {
  // No RETURNING: a hundred thousand ids would only be counted.
  const queued = await tx.execute(sql`
    update outbound_call_jobs
       set status = 'cancelled', outcome = 'cancelled', error_message = ${message}, completed_at = ${utcNow}, active_number = null
     where ${waitingRun} = ${run.id} and business_id = ${businessId}`);
  const claims = await rows<{ id: number }>(
    tx,
    sql`
    with hit as (
      update outbound_call_jobs j
         set status = 'cancelled', outcome = 'cancelled', error_message = ${message}, completed_at = ${utcNow}, active_number = null
        from outbound_call_attempts a
       where j.run_id = ${run.id} and j.business_id = ${businessId} and j.status = 'dialing'
         and a.token = j.dial_lock_token and a.begun_at is null
      returning j.id, a.token
    ), freed as (
      delete from outbound_call_slots s using hit where s.job_id = hit.id and s.token = hit.token
    ), closed as (
      update outbound_call_attempts a
         set closed_at = clock_timestamp(), settled_at = clock_timestamp(), result = 'cancelled'
        from hit
       where a.token = hit.token
    )
    select id from hit`,
  );
  const waiting = queued.rowCount ?? 0;
  const cancelled = waiting + claims.length;
  const status = await count(tx, run, businessId, {
    queued: -waiting,
    inProgress: -claims.length,
    cancelled,
  });
  return { cancelled, status };
}
