// One pass of `make reap`, for cron: works with every worker dead, and is harmless while they live. What it changes, it
// changes under the same locks and guards as everybody else.
import { sql } from "drizzle-orm";
import { rows, type Tx } from "../../db/client.ts";
import { inTransaction } from "../../db/transaction.ts";
import { lockBusiness } from "../../db/locks.ts";
import { forgetOldKeys } from "../../db/once.ts";
import type { Dialler } from "../dialling/dialler.ts";
import { cancelUnbegun } from "./cancelUnbegun.ts";
import { count } from "./counters.ts";
import type { Engine } from "./engine.ts";
import { reclaimStuckRuns } from "./reclaim.ts";
import { reconcile } from "./reconcile.ts";
import { repairSlots } from "./repairSlots.ts";
import { lockRun, type LockedRun } from "./rows.ts";
import { claimsOf, strayClaims, takeBackClaims } from "./takeBack.ts";
import { workersGone } from "./workersGone.ts";

/** What a pass did, as it is printed. */
export interface Reaped {
  /** Runs past their TTL: failed now, or resumed (`AFTER_TTL=resume`). */
  reclaimed_runs: number;
  /** Jobs ended because their run was asked to cancel and nobody carried it out. */
  cancelled_jobs: number;
  /** Runs that had nothing left to do: ended now. */
  finished_runs: number;
  /** Claims of workers silent for longer than the TTL, not begun: back in the queue. */
  returned_claims: number;
  /** Slots whose job was no longer live. */
  freed_slots: number;
  /** Calls of unknown outcome: found at the carrier, or proven not placed. Null: no carrier is configured. */
  found_calls: number | null;
  not_placed_calls: number | null;
  /** Live calls without news: asked about. */
  fetched_calls: number | null;
}

export type Reaper = Pick<Engine, "db" | "log" | "limits" | "worker" | "reached">;

export async function reap(reaper: Reaper, dialler: Dialler | null): Promise<Reaped> {
  await reaper.reached("reap.started");
  // Before the TTL: a run that was asked to cancel is cancelled, not failed and resumed.
  const cancelled = await carryOutCancels(reaper);
  const reclaimed = await reclaimStuckRuns(reaper);
  const claims = await returnClaims(reaper);
  const slots = await repairSlots(reaper);
  const asked = dialler && (await reconcile({ ...reaper, dialler }));
  const finished = await finishEmptyRuns(reaper);
  await forgetOldKeys(reaper.db);
  return {
    reclaimed_runs: reclaimed,
    cancelled_jobs: cancelled,
    finished_runs: finished,
    returned_claims: claims,
    freed_slots: slots,
    found_calls: asked?.found ?? null,
    not_placed_calls: asked?.notPlaced ?? null,
    fetched_calls: asked?.fetched ?? null,
  };
}

/** The reaper has no heartbeat of its own to trust, so only a silence as long as the TTL counts, or a pid that is gone. */
async function returnClaims(reaper: Reaper): Promise<number> {
  const gone = await workersGone({
    ...reaper,
    limits: { adoptAfterMs: reaper.limits.runTtlMs },
    healthyForMs: () => Infinity,
    isLocal: () => false,
  });
  let claims = 0;
  for (const worker of gone) claims += await takeBackClaims(reaper, claimsOf(worker), { lost: worker.name });
  return claims + (await takeBackClaims(reaper, strayClaims, { lost: "nobody dials it" }));
}

async function carryOutCancels(reaper: Reaper): Promise<number> {
  return await forRuns(
    reaper,
    sql`cancel_requested and queued_count + in_progress_count > 0`,
    async (tx, businessId, run) => {
      if (!run.cancelRequested) return 0;
      return (await cancelUnbegun(tx, businessId, run, "Cancelled by user")).cancelled;
    },
  );
}

async function finishEmptyRuns(reaper: Reaper): Promise<number> {
  return await forRuns(reaper, sql`queued_count = 0 and in_progress_count = 0`, async (tx, businessId, run) => {
    if (run.queued + run.inProgress > 0) return 0;
    const status = await count(tx, run, businessId, {});
    return Number(status !== run.status);
  });
}

/** Open runs that match, one transaction each, under their locks. @returns the sum of what `work` returned */
async function forRuns(
  reaper: Reaper,
  matching: ReturnType<typeof sql>,
  work: (tx: Tx, businessId: number, run: LockedRun) => Promise<number>,
): Promise<number> {
  const found = await rows<{ id: number; businessId: number }>(
    reaper.db,
    sql`select id, business_id as "businessId" from outbound_call_runs
         where status in ('pending', 'running') and engine = 'ringpost' and ${matching}
         order by business_id, id`,
  );
  let sum = 0;
  for (const { id, businessId } of found) {
    sum += await inTransaction(reaper.db, async (tx) => {
      await lockBusiness(tx, businessId);
      const run = await lockRun(tx, businessId, id);
      return run && ["pending", "running"].includes(run.status) ? await work(tx, businessId, run) : 0;
    });
  }
  return sum;
}
