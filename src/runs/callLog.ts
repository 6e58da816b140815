// call_log: the CRM's view of our calls, one row per call placed, found by its SID.
import { sql } from "drizzle-orm";
import { row, type Tx } from "../../db/client.ts";
import type { Attempt } from "./attempt.ts";

/** Inserts the call's row or moves it on; whoever learns of the call first makes it. @returns the row's id */
export async function recordCall(
  tx: Tx,
  attempt: Attempt,
  call: { sid: string; status: string; durationSeconds: number | null },
): Promise<number | null> {
  const stored = await row<{ id: number }>(
    tx,
    sql`insert into call_log as c (business_id, lead_id, project_id, call_sid, from_number, to_number, direction, status,
                                   call_status, duration, customer_name)
        select business_id, lead_id, project_id, ${call.sid}, ${attempt.from}, ${attempt.to}, 'outbound', ${call.status},
               ${call.status}, ${call.durationSeconds}::int, lead_name
          from outbound_call_jobs
         where id = ${attempt.jobId} and business_id = ${attempt.businessId}
        on conflict (call_sid) do update
           set status = excluded.status, call_status = excluded.call_status,
               duration = coalesce(excluded.duration, c.duration), updated_at = clock_timestamp()::timestamp
         where c.business_id = ${attempt.businessId}
        returning id`,
  );
  return stored?.id ?? null;
}
