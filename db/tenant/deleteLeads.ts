// Taking imported leads out again. Leads from other sources are the CRM's, and a lead with a call is history: both stay.
import { and, eq, exists, not, or, sql } from "drizzle-orm";
import { array, type Tx } from "../client.ts";
import { pgCode } from "../pgErrors.ts";
import { through, type Door } from "../door.ts";
import { callLog, jobs, leads } from "../schema.ts";
import type { Guard } from "./guard.ts";
import { IMPORTED } from "./import.ts";

/** Why nothing was deleted: ids that are not the business's, leads of another source, leads with calls. */
export type KeptLeads = "not_found" | "not_imported" | "has_calls";

const FOREIGN_KEY_VIOLATION = "23503";

export function deleteLeadQueries(door: Door, guard: Guard) {
  return {
    /** All of them, or none. */
    async deleteLeads(ids: readonly number[]): Promise<KeptLeads | { deleted: number }> {
      return await unlessReferenced(
        through(door, async (tx, businessId) => {
          const wanted = [...new Set(ids)];
          const named = sql`${leads.id} = any(${array(wanted, "int")})`;
          const found = await tx
            .select({ businessId: leads.tenantId, id: leads.id, source: leads.source })
            .from(leads)
            .where(and(eq(leads.tenantId, businessId), named));
          const own = new Map(guard.own(found, "lead").map((lead) => [lead.id, lead.source]));
          const missing = wanted.find((id) => !own.has(id));
          if (missing !== undefined) {
            guard.one(undefined, "lead", missing);
            return "not_found";
          }
          if ([...own.values()].some((source) => source !== IMPORTED)) return "not_imported";
          const gone = await tx
            .delete(leads)
            .where(and(eq(leads.tenantId, businessId), named, eq(leads.source, IMPORTED), uncalled(tx)))
            .returning({ id: leads.id });
          // Thrown, not returned: what was deleted comes back.
          if (gone.length < wanted.length) throw new HasCalls();
          return { deleted: gone.length };
        }),
      );
    },

    /** Every imported lead without a call. @returns how many are gone, and how many stay because of their calls */
    async deleteAllImported(): Promise<"has_calls" | { deleted: number; kept: number }> {
      return await unlessReferenced(
        through(door, async (tx, businessId) => {
          const imported = and(eq(leads.tenantId, businessId), eq(leads.source, IMPORTED));
          const gone = await tx.delete(leads).where(and(imported, uncalled(tx)));
          const kept = await tx.$count(leads, imported);
          const deleted = gone.rowCount ?? 0;
          return deleted === 0 && kept > 0 ? ("has_calls" as const) : { deleted, kept };
        }),
      );
    },
  };
}

class HasCalls extends Error {}

const uncalled = (tx: Tx) =>
  not(
    or(
      exists(
        tx
          .select({ one: sql`1` })
          .from(jobs)
          .where(eq(jobs.leadId, leads.id)),
      ),
      exists(
        tx
          .select({ one: sql`1` })
          .from(callLog)
          .where(eq(callLog.leadId, leads.id)),
      ),
    ) ?? sql`false`,
  );

/** A job may be added between the look and the delete, and a CRM may have tables of its own that refer to leads. */
async function unlessReferenced<T>(work: Promise<T>): Promise<T | "has_calls"> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof HasCalls || pgCode(error) === FOREIGN_KEY_VIOLATION) return "has_calls";
    throw error;
  }
}
