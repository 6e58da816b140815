// The end of a run before its last job: by stop, force-cancel and reclaim.
import { sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { utcNow } from "./rows.ts";

/** Ends an open run now, whatever of it is still live. The caller holds its lock. */
export async function closeRun(
  tx: Tx,
  businessId: number,
  runId: number,
  status: "stopped" | "cancelled",
): Promise<void> {
  await tx.execute(sql`
    update outbound_call_runs
       set status = ${status}, ended_at = t.at, completed_at = t.at, updated_at = t.at
      from (select ${utcNow} as at) t
     where id = ${runId} and business_id = ${businessId} and status in ('pending', 'running')`);
}

/** The run is over: its live calls no longer keep their numbers from other runs. */
export async function forgetActiveNumbers(tx: Tx, businessId: number, runId: number): Promise<void> {
  await tx.execute(sql`
    update outbound_call_jobs set active_number = null
     where run_id = ${runId} and business_id = ${businessId} and active_number is not null`);
}
