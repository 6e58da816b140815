// Who of the chosen leads can be called: reads the tenant's leads and normalises their numbers, in slices, outside the
// transaction that enqueues, because numbers cost processor time and the enqueue lock is worth keeping short.
import { setImmediate as yieldToOthers } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { array, rows } from "../../db/client.ts";
import { through, type Door } from "../../db/door.ts";
import { CodedError } from "../errors.ts";
import { normalisePhone } from "../leads/phone.ts";

export type SkipReason =
  "missing_phone" | "invalid_phone" | "duplicate_phone" | "already_queued" | "already_called" | "missing_lead";

export interface Skipped {
  leadId: number;
  reason: SkipReason;
}

export interface Callable {
  leadId: number;
  /** For the screen and call_log; null when the CRM knows none. */
  name: string | null;
  /** E.164. */
  number: string;
}

interface LeadRow {
  id: number;
  name: string | null;
  phone: string | null;
}

/** About 30 ms of normalising: other requests get their turn in between. */
const SLICE = 2_000;
const NAME_LENGTH = 255;

/**
 * Splits lead ids (repetitions count once) into those that can be called, in the given order, and those that cannot.
 * @param goneIsSkipped the ids are the business's own of another day: one that it no longer has is skipped
 * @throws CodedError lead.not_found when any of them is not the door's: nothing is said about which.
 */
export async function chooseCallable(
  door: Door,
  leadIds: number[],
  goneIsSkipped = false,
): Promise<{ callable: Callable[]; skipped: Skipped[] }> {
  const ids = [...new Set(leadIds)];
  const callable: Callable[] = [];
  const skipped: Skipped[] = [];
  const taken = new Set<string>();
  for (let from = 0; from < ids.length; from += SLICE) {
    const slice = ids.slice(from, from + SLICE);
    const found = new Map((await readLeads(door, slice)).map((lead) => [lead.id, lead]));
    for (const id of slice) {
      const lead = found.get(id);
      if (!lead) {
        if (!goneIsSkipped) throw new CodedError("lead.not_found", "a lead does not exist");
        skipped.push({ leadId: id, reason: "missing_lead" });
        continue;
      }
      const phone = normalisePhone(lead.phone);
      if (!phone.ok) skipped.push({ leadId: id, reason: phone.reason });
      else if (taken.has(phone.e164)) skipped.push({ leadId: id, reason: "duplicate_phone" });
      else {
        taken.add(phone.e164);
        callable.push({ leadId: id, name: lead.name, number: phone.e164 });
      }
    }
    await yieldToOthers();
  }
  return { callable, skipped };
}

async function readLeads(door: Door, ids: number[]): Promise<LeadRow[]> {
  return await through(door, (tx, businessId) =>
    rows<LeadRow>(
      tx,
      sql`select id, phone_e164 as phone,
                 left(coalesce(nullif(trim(name), ''), nullif(trim(concat_ws(' ', first_name, last_name)), '')), ${NAME_LENGTH}) as name
            from leads_by_id
           where tenant_id + 0 = ${businessId} and id = any (${array(ids, "int")})`,
    ),
  );
}
