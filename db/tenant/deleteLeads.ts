// Taking imported leads out again. Leads from other sources are the CRM's, and a lead with a call is history: both stay.
import { and, eq, exists, not, or, sql, type SQL } from "drizzle-orm";
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

    /**
     * Every imported lead that nothing refers to. @returns how many are gone, and how many stay because of their calls,
     * or of a table of the CRM
     */
    async deleteAllImported(): Promise<"has_calls" | { deleted: number; kept: number }> {
      const by = (remove: typeof atOnce) =>
        through(door, async (tx, businessId) => {
          // A CRM may check its references at the commit, where nobody could be kept any more.
          await tx.execute(sql`set constraints all immediate`);
          const imported = and(eq(leads.tenantId, businessId), eq(leads.source, IMPORTED));
          const deleted = await remove(tx, and(imported, uncalled(tx)));
          const kept = await tx.$count(leads, imported);
          return deleted === 0 && kept > 0 ? ("has_calls" as const) : { deleted, kept };
        });
      const done = await unlessReferenced(by(atOnce));
      return done === "has_calls" ? await unlessReferenced(by(inHalves)) : done;
    },
  };
}

class HasCalls extends Error {}

async function atOnce(tx: Tx, where: SQL | undefined): Promise<number> {
  return (await tx.delete(leads).where(where)).rowCount ?? 0;
}

/** A person waits for it. What is not settled by then stays, and another try takes more of it. */
const HALVING_MAY_TAKE_MS = 15_000;

/**
 * A table that we do not know refers to some of the leads, and a request may not look into it: what cannot be deleted
 * together is tried in halves, the largest pieces first, down to the single leads that must stay.
 */
async function inHalves(tx: Tx, where: SQL | undefined): Promise<number> {
  const until = performance.now() + HALVING_MAY_TAKE_MS;
  const found = await tx.select({ id: leads.id }).from(leads).where(where).orderBy(leads.id);
  const pieces = [found.map(({ id }) => id)];
  let deleted = 0;
  // The loop goes on through what it appends.
  for (const piece of pieces) {
    if (performance.now() > until) break;
    const gone = await unlessReferenced(deletePiece(tx, and(where, sql`${leads.id} = any(${array(piece, "int")})`)));
    if (gone !== "has_calls") {
      deleted += gone;
      continue;
    }
    await tx.execute(sql`rollback to savepoint piece`);
    const half = Math.ceil(piece.length / 2);
    if (piece.length > 1) pieces.push(piece.slice(0, half), piece.slice(half));
  }
  return deleted;
}

async function deletePiece(tx: Tx, where: SQL | undefined): Promise<number> {
  await tx.execute(sql`savepoint piece`);
  const deleted = await atOnce(tx, where);
  await tx.execute(sql`release savepoint piece`);
  return deleted;
}

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
