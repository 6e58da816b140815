// Taking claims back whose POST has not begun: the carrier has certainly not heard of them. For workers that are gone, and
// for claims that a living one does not know it made.
import { sql, type SQL } from "drizzle-orm";
import { rows } from "../../db/client.ts";
import { inTransaction } from "../../db/transaction.ts";
import { lockBusiness } from "../../db/locks.ts";
import type { Held } from "./end.ts";
import type { Engine } from "./engine.ts";
import { requeueJob } from "./requeue.ts";
import type { GoneWorker } from "./workersGone.ts";

export const claimsOf = (worker: GoneWorker): SQL => sql`worker_id = ${worker.id}::uuid`;

/** No dial waits this long before its mark: not for its turn, and not for another call between the same numbers. */
export const CLAIM_FRESH_SECONDS = 60;

/** Claims that nobody dials: of a worker that has no row any more, or too old whoever made them. */
export const strayClaims: SQL = sql`
  (claimed_at < clock_timestamp() - make_interval(secs => ${CLAIM_FRESH_SECONDS})
   or claimed_at < clock_timestamp() - interval '5 seconds' and not exists (select from outbound_workers w where w.id = worker_id))`;

/**
 * Safe while somebody dials them after all: whether a POST has begun is looked at again under the run's lock.
 * @returns how many went back
 */
export async function takeBackClaims(
  engine: Pick<Engine, "db" | "worker">,
  which: SQL,
  detail: Record<string, unknown>,
): Promise<number> {
  const held = await rows<Held>(
    engine.db,
    sql`select token, job_id as "jobId", run_id as "runId", business_id as "businessId"
          from outbound_call_attempts
         where closed_at is null and begun_at is null and ${which}`,
  );
  let taken = 0;
  for (const claim of held) {
    const back = await inTransaction(engine.db, async (tx) => {
      await lockBusiness(tx, claim.businessId);
      return await requeueJob(tx, claim, "worker_lost", `worker:${engine.worker.name}`, detail);
    });
    if (back) taken++;
  }
  return taken;
}
