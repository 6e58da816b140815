// Wakes the businesses that have leads waiting and a free slot: after a pause of the account, and on each maintenance tick,
// for the wake-up that got lost.
import { sql } from "drizzle-orm";
import { rows, type Database } from "../../db/client.ts";
import { hasTurnsToSpare } from "../dialling/pacing.ts";
import type { Engine } from "./engine.ts";
import { dispatchIsAsked, wakeDispatch } from "./wake.ts";

/** How many seconds' turns of an account that has some to spare are worth waking for: until the next tick, and a bit. */
const TURNS_SECONDS = 3;

interface Waiting {
  id: number;
  /** A run that was asked to cancel can end: needs neither a slot nor a turn, nor the right to call. */
  cancels: boolean;
  /** When it last got a call, as Postgres writes it; null: never. */
  served: string | null;
  /** Its wake-up waits for a worker already. */
  asked: boolean;
  /** The same for all: the account's. */
  spare: boolean;
}

/**
 * Whom this process has woken, in which round, and how it had been served then. If it has not been served since, it came in
 * vain, and may do so for ever (a number that the carrier refuses, no number at all): all others come before it then.
 */
const wokenBy = new WeakMap<Database, Map<number, { served: string | null; round: number }>>();

/**
 * Under load most businesses have a free slot at any moment, and wait for a worker or for the account's next turn. So one
 * whose wake-up waits already is left alone, and no more are woken than the account has turns for: only one, the longest
 * unserved, while it is paused or others use all its turns.
 * @returns how many businesses were woken
 */
export async function wakeWaiting(engine: Pick<Engine, "db" | "limits" | "dialler">): Promise<number> {
  const { maxCallsPerBusiness, callsPerSecond } = engine.limits;
  const waiting = await rows<Waiting>(
    engine.db,
    sql`with open as (
          select r.business_id as id, max(r.last_served_at) as served,
                 bool_or(r.queued_count > 0 and r.in_progress_count < r.concurrency) as calls,
                 bool_or(r.cancel_requested and (r.queued_count > 0 or r.in_progress_count = 0)) as cancels
            from outbound_call_runs r
           where r.status in ('pending', 'running') and r.engine = 'ringpost'
           group by r.business_id
        )
        select open.id, open.cancels, open.served::text as served, ${dispatchIsAsked(sql`open.id`)} as asked,
               ${hasTurnsToSpare(engine.dialler.accountSid)} as spare
          from open
          join business b on b.id = open.id
          left join outbound_business_settings s on s.business_id = b.id
         where open.cancels
            or open.calls and coalesce(b.is_active, true) and coalesce(b.calls_enabled, true)
               and (select count(*) from outbound_call_slots l where l.business_id = b.id)
                   < coalesce(s.max_calls, ${maxCallsPerBusiness}::int)
         order by open.served nulls first, open.id`,
  );
  const before = wokenBy.get(engine.db) ?? new Map();
  const roundOf = ({ id, served }: Waiting) => {
    const last = before.get(id);
    return last && last.served === served ? last.round : 0;
  };
  const [asked, unasked] = [waiting.filter((w) => w.asked), waiting.filter((w) => !w.asked)];
  const turns = waiting[0]?.spare ? Math.ceil(TURNS_SECONDS * callsPerSecond) : 1;
  const woken = [
    ...unasked.filter((w) => w.cancels),
    ...unasked
      .filter((w) => !w.cancels)
      .sort((a, b) => roundOf(a) - roundOf(b))
      .slice(0, turns),
    // One of those is enough for Graphile to be told again that there is work, should it have missed it.
    ...asked.slice(0, 1),
  ];
  for (const { id } of woken) await wakeDispatch(engine.db, id);
  remember(engine.db, waiting, woken);
  return woken.length;
}

function remember(db: Database, waiting: readonly Waiting[], woken: readonly Waiting[]): void {
  const before = wokenBy.get(db);
  const round = 1 + Math.max(0, ...[...(before?.values() ?? [])].map((last) => last.round));
  const kept = waiting.flatMap(({ id }) => {
    const last = before?.get(id);
    return last ? [[id, last] as const] : [];
  });
  wokenBy.set(db, new Map([...kept, ...woken.map(({ id, served }) => [id, { served, round }] as const)]));
}
