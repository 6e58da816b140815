// TTL reclaim: a running run whose lock is too old has lost its worker. It becomes failed, and a person decides with
// resume: after a long silence nobody's phone rings at night because a server came back.
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { row, rows, type Database, type Tx } from "../../db/client.ts";
import { inTransaction } from "../../db/transaction.ts";
import { lockBusiness, lockEnqueue } from "../../db/locks.ts";
import type { Logger } from "../log.ts";
import { audit } from "./audit.ts";
import { cancelUnbegun } from "./cancelUnbegun.ts";
import type { Limits, Reached } from "./engine.ts";
import { resumeUnderLock } from "./resume.ts";
import { lockRun, utcNow } from "./rows.ts";
import { closeRun, forgetActiveNumbers } from "./closeRun.ts";
import { OPEN_RUN } from "./states.ts";

export interface Reclaimer {
  db: Database;
  log: Logger;
  limits: Pick<Limits, "runTtlMs" | "heartbeatMs" | "afterTtl">;
  reached: Reached;
}

/** A running run that never got a lock counts as stuck after this. */
const UNLOCKED_TTL_MS = 30 * 60_000;

const before = (ms: number) => sql`clock_timestamp()::timestamp - make_interval(secs => ${ms / 1000})`;

/**
 * Of outbound_call_runs r. The old system's first versions tell nothing in a run's row: there a call that was started or
 * has ended is a sign of life too. (A sub-select that yields a value is asked only of the few rows that the rest of the
 * condition leaves; Postgres would turn `exists` into a join with every job there is.)
 */
const stuck = ({ runTtlMs }: Reclaimer["limits"]) => sql`
  r.status = 'running'
  and (r.lock_ts < ${before(runTtlMs)} or r.lock_ts is null and r.updated_at < ${before(UNLOCKED_TTL_MS)})
  and (r.engine <> 'legacy'
       or (select true from outbound_call_jobs j
            where j.run_id = r.id and greatest(j.dial_started_at, j.started_at, j.completed_at)
                  > case when r.lock_ts is null then ${before(UNLOCKED_TTL_MS)} else ${before(runTtlMs)} end
            limit 1) is null)`;

/** @returns how many runs were reclaimed. Safe to run twice at once and beside living workers. */
export async function reclaimStuckRuns(on: Reclaimer): Promise<number> {
  if (!(await anyStuck(on))) return 0;
  await letHeartbeatsReturn(on);
  const found = await rows<{ id: number; businessId: number }>(
    on.db,
    sql`select r.id, r.business_id as "businessId" from outbound_call_runs r where ${stuck(on.limits)} order by r.business_id, r.id`,
  );
  let reclaimed = 0;
  for (const run of found) {
    reclaimed += await inTransaction(on.db, async (tx) => {
      await lockBusiness(tx, run.businessId);
      const lost = await reclaimRun(tx, on, run.businessId, run.id);
      await on.reached("reap.reclaiming");
      return Number(lost);
    });
  }
  if (reclaimed > 0) on.log.warn(`[CLEANUP] Reclaimed ${reclaimed} stuck runs (TTL=${on.limits.runTtlMs / 60_000}min)`);
  return reclaimed;
}

/** For one business alone, in the caller's transaction and under its lock. @returns how many were reclaimed */
export async function reclaimBusiness(tx: Tx, on: Pick<Reclaimer, "limits">, businessId: number): Promise<number> {
  const found = await rows<{ id: number }>(
    tx,
    sql`select r.id from outbound_call_runs r where r.business_id = ${businessId} and ${stuck(on.limits)} order by r.id`,
  );
  let reclaimed = 0;
  for (const { id } of found) reclaimed += Number(await reclaimRun(tx, on, businessId, id));
  return reclaimed;
}

async function reclaimRun(tx: Tx, on: Pick<Reclaimer, "limits">, businessId: number, runId: number): Promise<boolean> {
  if (await finishCancel(tx, on, businessId, runId)) return false;
  // Before the job's rows, as enqueue does: the other way round they would wait for each other.
  if (on.limits.afterTtl === "resume") await lockEnqueue(tx, businessId);
  const lost = await row<{ lastError: string; engine: string; cancelled: boolean }>(
    tx,
    sql`update outbound_call_runs r
           set status = case when r.cancel_requested then 'cancelled' else 'failed' end,
               ended_at = t.at, completed_at = t.at, updated_at = t.at,
               last_error = case when r.cancel_requested then r.last_error
                                 else concat('Worker timeout - no heartbeat from ', r.locked_by_worker, ' since ', r.lock_ts) end
          from (select ${utcNow} as at) t
         where r.id = ${runId} and r.business_id = ${businessId} and ${stuck(on.limits)}
        returning r.last_error as "lastError", r.engine, r.cancel_requested as cancelled`,
  );
  if (!lost) return false;
  await forgetActiveNumbers(tx, businessId, runId);
  // One of the old system's: its jobs are settled, and its counters counted, at the cut-over.
  if (lost.cancelled) {
    await audit(tx, { runId, businessId, kind: "run.cancelled", actor: "reaper" });
    return false;
  }
  const detail = { last_error: lost.lastError };
  await audit(tx, { runId, businessId, kind: "run.reclaimed", actor: "reaper", detail });
  if (on.limits.afterTtl === "resume" && lost.engine === "ringpost") {
    const run = await lockRun(tx, businessId, runId);
    if (run) await resumeUnderLock(tx, businessId, run, "reaper");
  }
  return true;
}

/** Somebody asked for this run to end, and its worker died over it: it ends as it was asked to, and is never resumed. */
async function finishCancel(
  tx: Tx,
  on: Pick<Reclaimer, "limits">,
  businessId: number,
  runId: number,
): Promise<boolean> {
  const run = await lockRun(tx, businessId, runId);
  if (!run?.cancelRequested) return false;
  const stillStuck = await row(
    tx,
    sql`select 1 from outbound_call_runs r where r.id = ${runId} and ${stuck(on.limits)}`,
  );
  if (!stillStuck) return true;
  const { status } = await cancelUnbegun(tx, businessId, run, "Cancelled by user");
  if (!OPEN_RUN.includes(status)) return true;
  // Its live calls go on without it, as after a force-cancel.
  await closeRun(tx, businessId, runId, "cancelled");
  await forgetActiveNumbers(tx, businessId, runId);
  await audit(tx, { runId, businessId, kind: "run.cancelled", actor: "reaper" });
  return true;
}

async function anyStuck(on: Reclaimer): Promise<boolean> {
  return (await row(on.db, sql`select 1 from outbound_call_runs r where ${stuck(on.limits)} limit 1`)) !== undefined;
}

/** Postgres' start counts from before its recovery, which may have taken minutes. */
const FRESH_START_MS = 600_000;

/** After Postgres came back every lock is old; its living holders renew them within a heartbeat. */
async function letHeartbeatsReturn(on: Reclaimer): Promise<void> {
  const up = await row<{ ms: number; silent: boolean }>(
    on.db,
    sql`select (extract(epoch from clock_timestamp() - pg_postmaster_start_time()) * 1000)::float8 as ms,
               exists (select from outbound_workers where stopped_at is null) as silent`,
  );
  if (up?.silent && up.ms < FRESH_START_MS) await sleep(2 * on.limits.heartbeatMs);
}
