// A run's counters (I6): changed in the transaction that moves its jobs, never computed later. When the last job has
// ended, the same statement ends the run.
import { sql, type SQL } from "drizzle-orm";
import { row, type Tx } from "../../db/client.ts";
import type { Given } from "../../db/statement.ts";
import { audit } from "./audit.ts";
import { utcNow, type LockedRun } from "./rows.ts";
import { OPEN_RUN, type RunStatus } from "./states.ts";

/** By how much each count changes; what is not named stays. */
export interface CountDelta<N = number> {
  queued?: N;
  inProgress?: N;
  completed?: N;
  failed?: N;
  cancelled?: N;
}

/**
 * The SET list of an update of `outbound_call_runs r` that applies the change, and ends the run when nothing is left:
 * `cancelled` if that was asked for, else `completed`, even when some jobs failed. An ended run keeps its status. It reads
 * nothing but `r`, so that it is right also where the update had to wait for a newer version of the row.
 * @param at the moment, one value for all columns
 */
export function counting(delta: CountDelta<number | Given>, at: SQL): SQL {
  const { queued = 0, inProgress = 0, completed = 0, failed = 0, cancelled = 0 } = delta;
  const over = sql`r.status in ('pending', 'running')
                   and r.queued_count + ${queued}::int = 0 and r.in_progress_count + ${inProgress}::int = 0`;
  return sql`
    queued_count      = r.queued_count + ${queued}::int,
    in_progress_count = r.in_progress_count + ${inProgress}::int,
    completed_count   = r.completed_count + ${completed}::int,
    failed_count      = r.failed_count + ${failed}::int,
    cancelled_count   = r.cancelled_count + ${cancelled}::int,
    cursor_position   = r.cursor_position + ${completed}::int + ${failed}::int + ${cancelled}::int,
    status            = case when not (${over}) then r.status when r.cancel_requested then 'cancelled' else 'completed' end,
    ended_at          = case when ${over} then ${at} else r.ended_at end,
    completed_at      = case when ${over} then ${at} else r.completed_at end,
    updated_at        = ${at}`;
}

/**
 * Applies the change to a run that the caller has locked (`lockRun`), and ends it when nothing is left.
 * @returns the run's status afterwards
 */
export async function count(tx: Tx, run: LockedRun, businessId: number, delta: CountDelta): Promise<RunStatus> {
  const after = await row<{ status: RunStatus }>(
    tx,
    sql`update outbound_call_runs r set ${counting(delta, sql`t.at`)}
          from (select ${utcNow} as at) t
         where r.id = ${run.id} and r.business_id = ${businessId}
        returning r.status`,
  );
  if (!after) throw new Error(`run ${run.id} vanished under its lock`);
  if (OPEN_RUN.includes(run.status) && !OPEN_RUN.includes(after.status))
    await audit(tx, { runId: run.id, businessId, kind: `run.${after.status}`, actor: "queue" });
  return after.status;
}
