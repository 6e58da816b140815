// Wakes every business that has leads waiting and a free slot: after a pause of the account, and on each maintenance
// tick, for the wake-up that got lost.
import { sql } from "drizzle-orm";
import { rows } from "../../db/client.ts";
import type { Engine } from "./engine.ts";
import { wakeDispatch } from "./wake.ts";

/** @returns how many businesses were woken */
export async function wakeWaiting(engine: Pick<Engine, "db" | "limits">): Promise<number> {
  const waiting = await rows<{ id: number }>(
    engine.db,
    sql`select b.id
          from business b
          left join outbound_business_settings s on s.business_id = b.id
         where exists (select from outbound_call_runs r
                        where r.business_id = b.id and r.status in ('pending', 'running') and r.engine = 'ringpost'
                          and r.queued_count > 0 and r.in_progress_count < r.concurrency)
           and coalesce(b.is_active, true) and coalesce(b.calls_enabled, true)
           and (select count(*) from outbound_call_slots l where l.business_id = b.id)
               < coalesce(s.max_calls, ${engine.limits.maxCallsPerBusiness}::int)
            -- A cancel needs neither a slot nor the right to call.
            or exists (select from outbound_call_runs r
                        where r.business_id = b.id and r.status in ('pending', 'running') and r.engine = 'ringpost'
                          and r.cancel_requested and (r.queued_count > 0 or r.in_progress_count = 0))`,
  );
  for (const { id } of waiting) await wakeDispatch(engine.db, id);
  return waiting.length;
}
