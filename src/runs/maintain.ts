// The maintenance ticks: what no event will tell. Lost wake-ups and workers that are gone; calls whose outcome is unknown
// and live calls without news. One small question first, so that an idle system is asked nothing more.
import { sql } from "drizzle-orm";
import { row } from "../../db/client.ts";
import { adopt } from "./adopt.ts";
import type { Engine } from "./engine.ts";
import { reclaimStuckRuns } from "./reclaim.ts";
import { reconcile } from "./reconcile.ts";
import { repairSlots } from "./repairSlots.ts";
import { strayClaims, takeBackClaims } from "./takeBack.ts";
import { wakeWaiting } from "./wakeWaiting.ts";

/** Before a worker serves anybody: runs past their TTL end first, then what younger ones left behind goes on. */
export async function recover(engine: Engine): Promise<void> {
  await reclaimStuckRuns(engine);
  await adopt(engine);
}

export async function maintain(engine: Engine): Promise<void> {
  const todo = await row<{ open: boolean; live: boolean; workers: boolean }>(
    engine.db,
    sql`select exists (select from outbound_call_runs where status in ('pending', 'running') and engine = 'ringpost') as open,
               exists (select from outbound_call_slots) as live,
               exists (select from outbound_workers where id <> ${engine.worker.id}::uuid) as workers`,
  );
  if (todo?.workers || todo?.open) await adopt(engine);
  if (todo?.open && engine.healthyForMs() > engine.limits.adoptAfterMs) await reclaimStuckRuns(engine);
  if (todo?.live) {
    await takeBackClaims(engine, strayClaims, { lost: "nobody dials it" });
    await repairSlots(engine);
  }
  if (todo?.open) await wakeWaiting(engine);
}

/** A loop of its own: a carrier that answers slowly, or not at all, must not keep anybody from adopting. */
export async function askCarrier(engine: Engine): Promise<void> {
  const unknown = await row(engine.db, sql`select 1 from outbound_call_attempts where closed_at is null limit 1`);
  if (unknown) await reconcile(engine);
}
