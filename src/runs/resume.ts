// Resume: a failed run goes on from its cursor. Nobody who was called is called again, also not whom another run has called
// since; and a number that has become active in another run meanwhile is left to that run.
import { sql } from "drizzle-orm";
import { type Tx } from "../../db/client.ts";
import { through, type Door } from "../../db/door.ts";
import { calledSince } from "../../db/called.ts";
import { lockBusiness, lockEnqueue } from "../../db/locks.ts";
import { CodedError } from "../errors.ts";
import { audit } from "./audit.ts";
import { count } from "./counters.ts";
import { requireRun, utcNow, type LockedRun } from "./rows.ts";
import type { RunStatus } from "./states.ts";
import { wakeDispatch } from "./wake.ts";

/** @throws CodedError run.not_found, run.legacy, run.not_resumable (detail.status) */
export async function resumeRun(
  door: Door,
  runId: number,
): Promise<{ status: RunStatus; queued: number; skipped: number }> {
  return await through(door, async (tx, businessId) => {
    await lockBusiness(tx, businessId);
    const run = await requireRun(tx, businessId, runId);
    // A failed run whose queue a person has stopped is over.
    if (run.status !== "failed" || run.cancelRequested)
      throw new CodedError("run.not_resumable", "only a failed run can be resumed", { status: run.status });
    return await resumeUnderLock(tx, businessId, run, door.actor);
  });
}

/** The caller holds the business's lock and the run's, and the run is failed. */
export async function resumeUnderLock(
  tx: Tx,
  businessId: number,
  run: LockedRun,
  actor: string,
): Promise<{ status: RunStatus; queued: number; skipped: number }> {
  await lockEnqueue(tx, businessId);
  const at = { businessId, runId: run.id };
  const skipped = (await cancelActiveElsewhere(tx, at)) + (await cancelCalledElsewhere(tx, at));
  // Unlocked on purpose: the first worker that claims, or that looks for runs without a holder, takes it.
  await tx.execute(sql`
    update outbound_call_runs
       set status = 'running', ended_at = null, completed_at = null, cancel_requested = false, worker_id = null, lock_ts = null,
           started_at = coalesce(started_at, ${utcNow}), updated_at = ${utcNow}
     where id = ${run.id} and business_id = ${businessId} and status = 'failed'`);
  await tx.execute(sql`
    update outbound_call_jobs j set active_number = to_number
     where run_id = ${run.id} and business_id = ${businessId} and status in ('queued', 'dialing', 'calling') and active_number is null
       and not exists (select from outbound_call_jobs o where o.business_id = j.business_id and o.active_number = j.to_number)`);
  await audit(tx, { ...at, kind: "run.resumed", actor, detail: { queued: run.queued - skipped, skipped } });
  const status = await count(tx, { ...run, status: "running" }, businessId, { queued: -skipped, cancelled: skipped });
  await wakeDispatch(tx, businessId);
  return { status, queued: run.queued - skipped, skipped };
}

async function cancelActiveElsewhere(tx: Tx, at: { businessId: number; runId: number }): Promise<number> {
  const cancelled = await tx.execute(sql`
    update outbound_call_jobs j
       set status = 'cancelled', outcome = 'cancelled', error_code = 'already_queued', completed_at = ${utcNow},
           error_message = 'The number is queued or live in another run'
     where run_id = ${at.runId} and business_id = ${at.businessId} and status = 'queued'
       and exists (select from outbound_call_jobs o where o.business_id = j.business_id and o.active_number = j.to_number)`);
  return cancelled.rowCount ?? 0;
}

/** Since this run was made: whoever started it wanted a call, and the lead has had it. */
async function cancelCalledElsewhere(tx: Tx, at: { businessId: number; runId: number }): Promise<number> {
  const cancelled = await tx.execute(sql`
    update outbound_call_jobs j
       set status = 'cancelled', outcome = 'cancelled', error_code = 'already_called', completed_at = ${utcNow},
           error_message = 'Another run has called the lead meanwhile'
      from outbound_call_runs r
     where r.id = ${at.runId} and j.run_id = r.id and j.business_id = ${at.businessId} and j.status = 'queued'
       and exists (select from outbound_call_jobs o
                    where o.lead_id = j.lead_id and o.business_id + 0 = j.business_id and o.id <> j.id
                      and ${calledSince("o", sql`r.created_at`)})`);
  return cancelled.rowCount ?? 0;
}
