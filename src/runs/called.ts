// Which of a run's leads must be left out because they were called already: before this run where a person asked for
// that, or since the stopped run whose rest this one calls.
import { sql } from "drizzle-orm";
import { array, rows, type Tx } from "../../db/client.ts";
import { calledSince, wasCalled } from "../../db/called.ts";
import type { Callable, Skipped } from "./callable.ts";

/**
 * @param since a run: calls placed before it was made do not count. Null: every call counts.
 *
 * The caller holds the enqueue lock, so that no new job of these leads can begin to exist; but those that exist may end at
 * any moment, between this statement and the insert. Hence whoever has an active job is left out here as well: the unique
 * index on active numbers would let him pass once that job has ended.
 */
export async function notCalled(
  tx: Tx,
  businessId: number,
  leads: Callable[],
  since: number | null,
): Promise<{ left: Callable[]; skipped: Skipped[] }> {
  // By the lead alone: a business's index would lead through every job it ever had.
  const found = await rows<{ id: number; active: boolean }>(
    tx,
    sql`select j.lead_id as id, bool_or(j.active_number is not null) as active
          from outbound_call_jobs j
         where j.lead_id = any (${array(
           leads.map((lead) => lead.leadId),
           "int",
         )})
           and j.business_id + 0 = ${businessId}
           and (j.active_number is not null or ${since === null ? wasCalled("j") : calledSince("j", runMade(since))})
         group by j.lead_id`,
  );
  const active = new Map(found.map((lead) => [lead.id, lead.active]));
  const skipped = leads.flatMap(({ leadId }): Skipped[] => {
    const known = active.get(leadId);
    return known === undefined ? [] : [{ leadId, reason: known ? "already_queued" : "already_called" }];
  });
  return { left: leads.filter(({ leadId }) => !active.has(leadId)), skipped };
}

const runMade = (runId: number) => sql`(select created_at from outbound_call_runs where id = ${runId}::int)`;
