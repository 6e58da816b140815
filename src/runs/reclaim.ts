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
const UNLOCKED_TTL_MINUTES = 30;

const stuck = (limits: Reclaimer["limits"]) => sql`
  status = 'running'
  and (lock_ts < clock_timestamp()::timestamp - make_interval(secs => ${limits.runTtlMs / 1000})
       or lock_ts is null and updated_at < clock_timestamp()::timestamp - make_interval(mins => ${UNLOCKED_TTL_MINUTES}))`;

/** @returns how many runs were reclaimed. Safe to run twice at once and beside living workers. */
export async function reclaimStuckRuns(on: Reclaimer): Promise<number> {
  if (!(await anyStuck(on))) return 0;
  await letHeartbeatsReturn(on);
  const found = await rows<{ id: number; businessId: number }>(
    on.db,
    sql`select id, business_id as "businessId" from outbound_call_runs where ${stuck(on.limits)} order by business_id, id`,
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
    sql`select id from outbound_call_runs where business_id = ${businessId} and ${stuck(on.limits)} order by id`,
  );
  let reclaimed = 0;
  for (const { id } of found) reclaimed += Number(await reclaimRun(tx, on, businessId, id));
  return reclaimed;
}

async function reclaimRun(tx: Tx, on: Pick<Reclaimer, "limits">, businessId: number, runId: number): Promise<boolean> {
  if (await finishCancel(tx, on, businessId, runId)) return false;
  // Before the job's rows, as enqueue does: the other way round they would wait for each other.
  if (on.limits.afterTtl === "resume") await lockEnqueue(tx, businessId);
  const lost = await row<{ lastError: string; engine: string }>(
    tx,
    sql`update outbound_call_runs r
           set status = 'failed', ended_at = t.at, completed_at = t.at, updated_at = t.at,
               last_error = concat('Worker timeout - no heartbeat from ', locked_by_worker, ' since ', lock_ts)
          from (select ${utcNow} as at) t
         where id = ${runId} and business_id = ${businessId} and ${stuck(on.limits)}
        returning last_error as "lastError", engine`,
  );
  if (!lost) return false;
  await forgetActiveNumbers(tx, businessId, runId);
  await audit(tx, {
    runId,
    businessId,
    kind: "run.reclaimed",
    actor: "reaper",
    detail: { last_error: lost.lastError },
  });
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
  const stillStuck = await row(tx, sql`select 1 from outbound_call_runs where id = ${runId} and ${stuck(on.limits)}`);
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
  return (await row(on.db, sql`select 1 from outbound_call_runs where ${stuck(on.limits)} limit 1`)) !== undefined;
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
