// Takes a list of leads into the CRM's tables: all of it, or nothing.
import { eq, and } from "drizzle-orm";
import type { Tx } from "../client.ts";
import { through, type Door } from "../door.ts";
import { leads, outboundLeadLists } from "../schema.ts";

/** Marks the leads that came through here: only they may be deleted again. */
export const IMPORTED = "imported_outbound";
/** Rows in one INSERT: eight parameters each, and Postgres takes 65,535. */
const SLICE = 5_000;

export interface NewLead {
  phone: string;
  name: string | null;
  firstName: string | null;
  lastName: string | null;
  notes: string | null;
  city: string | null;
}

export function importQueries(door: Door) {
  return {
    /**
     * Creates the list and its leads in one transaction, so that a file which turns out bad half-way leaves nothing.
     * What `slices` throws is thrown here. With no leads at all nothing is kept and the answer is undefined.
     */
    async importLeads(
      list: { name: string; fileName: string | null },
      slices: AsyncIterable<NewLead[]>,
    ): Promise<{ listId: number; imported: number } | undefined> {
      let begun = false;
      return await through(door, async (tx, businessId) => {
        // A deadlock would run this again, but a stream can be read only once: better an error than half a list.
        if (begun) throw new Error("an import cannot be retried: its source has been read");
        begun = true;
        let listId: number | undefined;
        let imported = 0;
        for await (const slice of slices) {
          if (slice.length === 0) continue;
          listId ??= await createList(tx, businessId, list);
          await insertLeads(tx, businessId, listId, slice);
          imported += slice.length;
        }
        if (listId === undefined) return undefined;
        await tx
          .update(outboundLeadLists)
          .set({ totalLeads: imported })
          .where(and(eq(outboundLeadLists.tenantId, businessId), eq(outboundLeadLists.id, listId)));
        return { listId, imported };
      });
    },
  };
}

async function createList(tx: Tx, tenantId: number, list: { name: string; fileName: string | null }): Promise<number> {
  const [created] = await tx
    .insert(outboundLeadLists)
    .values({ tenantId, name: list.name, fileName: list.fileName })
    .returning({ id: outboundLeadLists.id });
  if (!created) throw new Error("an insert returned no row");
  return created.id;
}

async function insertLeads(tx: Tx, tenantId: number, outboundListId: number, slice: NewLead[]): Promise<void> {
  for (let from = 0; from < slice.length; from += SLICE) {
    await tx.insert(leads).values(
      slice.slice(from, from + SLICE).map((lead) => ({
        tenantId,
        outboundListId,
        source: IMPORTED,
        phoneE164: lead.phone,
        name: lead.name,
        firstName: lead.firstName,
        lastName: lead.lastName,
        notes: lead.notes,
        city: lead.city,
      })),
    );
  }
}
