// Cancel, the cooperative way: a flag that every claim and every begun mark looks at. The dispatch that it wakes ends
// what is queued; live calls finish; the run ends `cancelled` with its last one.
import { sql } from "drizzle-orm";
import { through, type Door } from "../../db/door.ts";
import { lockBusiness } from "../../db/locks.ts";
import { audit } from "./audit.ts";
import { requireRun, utcNow } from "./rows.ts";
import { OPEN_RUN } from "./states.ts";
import { wakeDispatch } from "./wake.ts";

/** @throws CodedError run.not_found, run.legacy */
export async function requestCancel(
  door: Door,
  runId: number,
): Promise<"requested" | "already_requested" | "already_ended"> {
  return await through(door, async (tx, businessId) => {
    await lockBusiness(tx, businessId);
    const run = await requireRun(tx, businessId, runId);
    if (!OPEN_RUN.includes(run.status)) return "already_ended";
    if (run.cancelRequested) return "already_requested";
    await tx.execute(sql`
      update outbound_call_runs set cancel_requested = true, updated_at = ${utcNow}
       where id = ${runId} and business_id = ${businessId}`);
    await audit(tx, { runId, businessId, kind: "run.cancel_requested", actor: door.actor });
    await wakeDispatch(tx, businessId);
    return "requested";
  });
}
