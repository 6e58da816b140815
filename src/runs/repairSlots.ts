// Slots without a live attempt: freed, with the evidence in the audit trail. They cannot arise while every move goes
// through end and requeue; this is for the day when one does not.
import { sql } from "drizzle-orm";
import { rows } from "../../db/client.ts";
import type { Engine } from "./engine.ts";
import { wakeIfWaiting } from "./wake.ts";

/** @returns how many slots were freed */
export async function repairSlots(on: Pick<Engine, "db">): Promise<number> {
  const freed = await rows<{ businessId: number }>(
    on.db,
    sql`
    with freed as (
      delete from outbound_call_slots s
       using outbound_call_jobs j
       where j.id = s.job_id and (j.status not in ('dialing', 'calling') or j.dial_lock_token is distinct from s.token)
      returning s.business_id, s.run_id, s.job_id, s.slot_no, j.status
    ), noted as (
      insert into outbound_run_events (run_id, business_id, job_id, kind, actor, detail)
      select run_id, business_id, job_id, 'slot.freed', 'reconcile',
             jsonb_build_object('slot_no', slot_no, 'evidence', 'its job is ' || status)
        from freed
    )
    select distinct business_id as "businessId" from freed`,
  );
  for (const { businessId } of freed) await wakeIfWaiting(on.db, businessId);
  return freed.length;
}
