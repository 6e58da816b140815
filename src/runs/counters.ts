// A run's counters (I6): changed in the transaction that moves its jobs, never computed later. When the last job has
// ended, the same statement ends the run.
import { sql } from "drizzle-orm";
import { row, type Tx } from "../../db/client.ts";
import { audit } from "./audit.ts";
import { utcNow, type LockedRun } from "./rows.ts";
import { OPEN_RUN, type RunStatus } from "./states.ts";

/** By how much each count changes; what is not named stays. */
export interface CountDelta {
  queued?: number;
  inProgress?: number;
  completed?: number;
  failed?: number;
  cancelled?: number;
}

/**
 * Applies the change to a run that the caller has locked (`lockRun`), and ends it when nothing is left: `cancelled` if
 * that was asked for, else `completed`, even when some jobs failed. An ended run keeps its status.
 * @returns the run's status afterwards
 */
export async function count(tx: Tx, run: LockedRun, businessId: number, delta: CountDelta): Promise<RunStatus> {
  const { queued = 0, inProgress = 0, completed = 0, failed = 0, cancelled = 0 } = delta;
  const after = await row<{ status: RunStatus }>(
    tx,
    sql`update outbound_call_runs r
           set queued_count      = queued_count + ${queued}::int,
               in_progress_count = in_progress_count + ${inProgress}::int,
               completed_count   = completed_count + ${completed}::int,
               failed_count      = failed_count + ${failed}::int,
               cancelled_count   = cancelled_count + ${cancelled}::int,
               cursor_position   = cursor_position + ${completed + failed + cancelled}::int,
               status            = case when over.now then over.status else r.status end,
               ended_at          = case when over.now then over.at else r.ended_at end,
               completed_at      = case when over.now then over.at else r.completed_at end,
               updated_at        = over.at
          from (select status in ('pending', 'running')
                       and queued_count + ${queued}::int = 0 and in_progress_count + ${inProgress}::int = 0 as now,
                       case when cancel_requested then 'cancelled' else 'completed' end as status,
                       ${utcNow} as at
                  from outbound_call_runs
                 where id = ${run.id}) over
         where r.id = ${run.id} and r.business_id = ${businessId}
        returning r.status`,
  );
  if (!after) throw new Error(`run ${run.id} vanished under its lock`);
  if (OPEN_RUN.includes(run.status) && !OPEN_RUN.includes(after.status))
    await audit(tx, { runId: run.id, businessId, kind: `run.${after.status}`, actor: "queue" });
  return after.status;
}
