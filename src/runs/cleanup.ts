// Cleaning up one business's stuck runs when a person asks for it: what `make reap` does for everybody, bound to one
// tenant, and seldom. It asks the carrier nothing: calls of unknown outcome are left to the workers and the reaper.
import { sql } from "drizzle-orm";
import { row, rows, type Tx } from "../../db/client.ts";
import { through, type Door } from "../../db/door.ts";
import { lockBusiness } from "../../db/locks.ts";
import { CodedError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { cancelUnbegun } from "./cancelUnbegun.ts";
import { count } from "./counters.ts";
import type { Limits } from "./engine.ts";
import { reclaimBusiness } from "./reclaim.ts";
import { lockRun, type LockedRun } from "./rows.ts";
import { OPEN_RUN, type RunStatus } from "./states.ts";
import { wakeIfWaiting } from "./wake.ts";

/** Between two clean-ups of one business: it locks the business's dispatch, and nothing new is stuck within a minute. */
const EVERY_SECONDS = 60;

export interface Cleaner {
  limits: Pick<Limits, "runTtlMs" | "heartbeatMs" | "afterTtl">;
  log: Pick<Logger, "warn">;
}

export interface CleanedUp {
  /** Runs whose worker was lost: failed now, or resumed where the deployment wants that. */
  reclaimedRuns: number;
  /** Open runs that had nothing left to do, or whose cancel nobody carried out. */
  endedRuns: number;
}

/** @throws CodedError cleanup.too_soon (detail.retryAfterSeconds) */
export async function cleanUpBusiness(on: Cleaner, door: Door): Promise<CleanedUp> {
  const done = await through(door, async (tx, businessId) => {
    await takeTurn(tx, businessId);
    await lockBusiness(tx, businessId);
    const reclaimedRuns = (await justStarted(tx, on)) ? 0 : await reclaimBusiness(tx, on, businessId);
    const endedRuns = await endIdleRuns(tx, businessId);
    return { reclaimedRuns, endedRuns };
  });
  if (done.reclaimedRuns > 0)
    on.log.warn(
      { businessId: door.businessId, actor: door.actor },
      `[CLEANUP] Reclaimed ${done.reclaimedRuns} stuck runs (TTL=${on.limits.runTtlMs / 60_000}min)`,
    );
  return done;
}

/** One guarded statement: of two requests at once, one finds no row. */
async function takeTurn(tx: Tx, businessId: number): Promise<void> {
  const turn = await row(
    tx,
    sql`insert into outbound_cleanups as c (business_id, at) values (${businessId}, clock_timestamp())
        on conflict (business_id) do update set at = excluded.at
         where c.at <= excluded.at - make_interval(secs => ${EVERY_SECONDS})
        returning 1`,
  );
  if (turn) return;
  const last = await row<{ seconds: number }>(
    tx,
    sql`select ceil(${EVERY_SECONDS} - extract(epoch from clock_timestamp() - at))::int as seconds
          from outbound_cleanups where business_id = ${businessId}`,
  );
  const retryAfterSeconds = Math.max(1, last?.seconds ?? EVERY_SECONDS);
  throw new CodedError("cleanup.too_soon", "cleaned up less than a minute ago", { retryAfterSeconds });
}

/** Right after Postgres came back every lock looks old, though its holder lives: its heartbeat needs a moment. */
async function justStarted(tx: Tx, on: Cleaner): Promise<boolean> {
  const up = await row<{ young: boolean }>(
    tx,
    sql`select clock_timestamp() < pg_postmaster_start_time() + make_interval(secs => ${(2 * on.limits.heartbeatMs) / 1000})
               and exists (select from outbound_workers where stopped_at is null) as young`,
  );
  return up?.young ?? false;
}

async function endIdleRuns(tx: Tx, businessId: number): Promise<number> {
  const found = await rows<{ id: number }>(
    tx,
    sql`select id from outbound_call_runs
         where business_id = ${businessId} and status in ('pending', 'running') and engine = 'ringpost'
           and (cancel_requested or queued_count + in_progress_count = 0)
         order by id`,
  );
  let ended = 0;
  for (const { id } of found) {
    const run = await lockRun(tx, businessId, id);
    if (run) ended += Number((await endIfIdle(tx, businessId, run)) !== run.status);
  }
  if (ended > 0) await wakeIfWaiting(tx, businessId);
  return ended;
}

/** What is under the lock may differ from what was found. @returns the run's status afterwards */
async function endIfIdle(tx: Tx, businessId: number, run: LockedRun): Promise<RunStatus> {
  if (!OPEN_RUN.includes(run.status)) return run.status;
  if (run.cancelRequested) return (await cancelUnbegun(tx, businessId, run, "Cancelled by user")).status;
  return run.queued + run.inProgress === 0 ? await count(tx, run, businessId, {}) : run.status;
}
