// call_log: the CRM's view of our calls, one row per call placed, found by its SID.
import { sql, type SQL } from "drizzle-orm";
import { array, type Tx } from "../../db/client.ts";
import type { Given } from "../../db/statement.ts";
import type { Attempt } from "./attempt.ts";
import { callStatusesFrom, type CallStatus } from "./states.ts";

export interface CallNews {
  sid: string;
  /** Twilio's word. */
  status: string;
  /** Talk time; null until the end. */
  durationSeconds: number | null;
}

/**
 * The statement that inserts a call's row or moves it on; whoever learns of the call first makes it. It returns the row's
 * id, or nothing where the SID is another business's.
 * @param from what gives the rows `held` (of the job: business_id, lead_id, project_id, lead_name) and `attempt`, for one
 * call; no rows: nothing happens
 */
export const recording = (call: CallNews | Record<keyof CallNews, Given>, from: SQL): SQL => sql`
  insert into call_log as c (business_id, lead_id, project_id, call_sid, from_number, to_number, direction, status,
                             call_status, duration, customer_name)
  select held.business_id, held.lead_id, held.project_id, ${call.sid}::text, attempt.from_number, attempt.to_number, 'outbound',
         ${call.status}::text, ${call.status}::text, ${call.durationSeconds}::int, held.lead_name
    from ${from}
  on conflict (call_sid) do update
     set status = excluded.status, call_status = excluded.call_status,
         duration = coalesce(excluded.duration, c.duration), updated_at = clock_timestamp()::timestamp
   where c.business_id = excluded.business_id
  returning id`;

/**
 * Records the call of an attempt whose job is no longer its own, unless its row is as far already: there is no job to tell
 * late news from new. The caller holds the business's lock.
 */
export async function recordCall(
  tx: Tx,
  { token, businessId }: Attempt,
  call: CallNews & { status: CallStatus },
): Promise<void> {
  await tx.execute(
    recording(
      call,
      sql`outbound_call_attempts attempt
          join outbound_call_jobs held on held.id = attempt.job_id and held.business_id = attempt.business_id
         where attempt.token = ${token} and attempt.business_id = ${businessId}
           and not exists (select from call_log known
                            where known.call_sid = ${call.sid} and known.call_status = any (${array(callStatusesFrom(call.status), "text")}))`,
    ),
  );
}
