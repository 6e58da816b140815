// Serves the businesses that have leads waiting and a free slot, and nobody who would come for them: after a pause of the
// account, and on each maintenance tick, for the wake-up that got lost and for those who stood in line where a worker died.
import { sql } from "drizzle-orm";
import { rows } from "../../db/client.ts";
import type { Engine } from "./engine.ts";
import { dispatchIsAsked, wakeDispatch } from "./wake.ts";

interface Waiting {
  id: number;
  /** A run that was asked to cancel can end: needs neither a slot nor a turn, nor the right to call. */
  cancels: boolean;
  /** Its wake-up waits for a worker already. */
  asked: boolean;
}

/**
 * Those stand in line for the account, in this process, and come up one by one: most may wait for nothing but its next turn,
 * and would all come for it in vain. One whose wake-up waits already is left alone: under load that is nearly everybody.
 * @param inMs until the account has something for them; undefined: who stands in line already knows
 * @returns how many businesses were woken, or have stood in line
 */
export async function wakeWaiting(
  engine: Pick<Engine, "db" | "limits" | "dialler" | "dispatchInTurn">,
  inMs?: number,
): Promise<number> {
  const waiting = await rows<Waiting>(
    engine.db,
    sql`with open as (
          select r.business_id as id,
                 bool_or(r.queued_count > 0 and r.in_progress_count < r.concurrency) as calls,
                 bool_or(r.cancel_requested and (r.queued_count > 0 or r.in_progress_count = 0)) as cancels
            from outbound_call_runs r
           where r.status in ('pending', 'running') and r.engine = 'ringpost'
           group by r.business_id
        )
        select open.id, open.cancels, ${dispatchIsAsked(sql`open.id`)} as asked
          from open
          join business b on b.id = open.id
          left join outbound_business_settings s on s.business_id = b.id
         where open.cancels
            or open.calls and coalesce(b.is_active, true) and coalesce(b.calls_enabled, true)
               and (select count(*) from outbound_call_slots l where l.business_id = b.id)
                   < coalesce(s.max_calls, ${engine.limits.maxCallsPerBusiness}::int)
         order by open.id`,
  );
  const [asked, unasked] = [waiting.filter((w) => w.asked), waiting.filter((w) => !w.asked)];
  const again = { key: engine.dialler.accountSid, inMs };
  for (const { id, cancels } of unasked) {
    if (cancels) await wakeDispatch(engine.db, id);
    else engine.dispatchInTurn(id, again);
  }
  // One of those is enough for Graphile to be told again that there is work, should it have missed it.
  const told = asked.slice(0, 1);
  for (const { id } of told) await wakeDispatch(engine.db, id);
  return unasked.length + told.length;
}
