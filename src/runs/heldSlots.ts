// Who holds a business's slots, and what that means for a run that waits for one.
import { sql } from "drizzle-orm";
import { rows, type Tx } from "../../db/client.ts";
import type { Limits } from "./engine.ts";

export type SlotReason =
  /** Every slot of the business, or of the run, is taken. `runs`: who holds them. */
  | { reason: "slot"; limit: number; runs: { run_id: number; calls: number }[] }
  /** Calls that the carrier may have, or not: it has not said. They keep their slots, and no other call stands in between. */
  | { reason: "outcome_unknown"; calls: number; since: string | null };

interface Holder {
  run_id: number;
  calls: number;
  /** Of those, without a SID yet. */
  dialing: number;
  /** Of those, without an answer though its time is over. */
  unknown: number;
  since: string | null;
}

export interface Slots {
  limit: number;
  holders: Holder[];
}

/** The business's slots, and who holds them. */
export async function heldSlots(
  tx: Tx,
  businessId: number,
  limits: Pick<Limits, "maxCallsPerBusiness" | "postStartBudgetMs" | "postTimeoutMs">,
): Promise<Slots> {
  const answerMs = limits.postStartBudgetMs + limits.postTimeoutMs;
  const unanswered = sql`a.call_sid is null and (a.result = 'ambiguous' or a.begun_at < clock_timestamp() - make_interval(secs => ${answerMs / 1000}))`;
  const holders = await rows<Holder & { limit: number }>(
    tx,
    sql`select s.run_id, count(*)::int as calls,
               count(a.token) filter (where a.call_sid is null)::int as dialing,
               count(*) filter (where ${unanswered})::int as unknown,
               ${iso(sql`min(a.begun_at) filter (where ${unanswered})`)} as since,
               coalesce((select max_calls from outbound_business_settings where business_id = ${businessId}),
                        ${limits.maxCallsPerBusiness}::int) as "limit"
          from outbound_call_slots s
          left join outbound_call_attempts a on a.token = s.token
         where s.business_id = ${businessId}
         group by s.run_id order by s.run_id`,
  );
  return { limit: holders[0]?.limit ?? Infinity, holders };
}

/** The slots that the run could have are taken: by whom, or by calls alone of which nobody knows. */
export function fullSlots(
  { limit, holders }: Slots,
  run: { id: number; inProgress: number; concurrency: number },
): SlotReason | null {
  const own = run.inProgress >= run.concurrency;
  const taken = own ? holders.filter(({ run_id }) => run_id === run.id) : holders;
  const calls = taken.reduce((sum, holder) => sum + holder.calls, 0);
  if (!own && calls < limit) return null;
  const unknown = unknownAmong(taken);
  if (unknown?.calls === calls) return unknown;
  const runs = taken.map(({ run_id, calls }) => ({ run_id, calls }));
  return { reason: "slot", limit: own ? run.concurrency : limit, runs };
}

export function unknownAmong(holders: Holder[]): Extract<SlotReason, { reason: "outcome_unknown" }> | null {
  const calls = holders.reduce((sum, { unknown }) => sum + unknown, 0);
  if (calls === 0) return null;
  const [since = null] = holders.flatMap((holder) => holder.since ?? []).toSorted();
  return { reason: "outcome_unknown", calls, since };
}

export const iso = (time: ReturnType<typeof sql>) => sql`to_char(${time}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"')`;
