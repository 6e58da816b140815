// Takes a list of leads into the CRM's tables: all of it, or nothing.
import { eq, and, sql } from "drizzle-orm";
import { array, type Tx } from "../client.ts";
import type { Door } from "../door.ts";
import { onceThrough, type Once } from "../once.ts";
import { outboundLeadLists } from "../schema.ts";

/** Marks the leads that came through here: only they may be deleted again. */
export const IMPORTED = "imported_outbound";
/** Rows in one INSERT: large enough to be fast, small enough to keep its memory flat. */
const SLICE = 5_000;

/**
 * Between two inserts the file is read, and a part of it without a good lead takes as long as it takes: a million empty
 * rows of a sheet. Longer than the connection's own limit, which is for locks that others wait for; this has none.
 */
const READING_MAY_TAKE = sql`set local idle_in_transaction_session_timeout = '2min'`;

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
     * What `slices` throws is thrown here. With no leads at all nothing is kept and the answer is undefined. `report`
     * is asked once all slices are read, and kept for a repetition, which reads none. Throws OnceRefused.
     */
    async importLeads<Report>(
      list: { name: string; fileName: string | null },
      slices: AsyncIterable<NewLead[]>,
      report: () => Report,
      once?: Once,
    ): Promise<{ listId: number; imported: number; report: Report; replayed: boolean } | undefined> {
      let begun = false;
      const { result, replayed } = await onceThrough(door, once, async (tx, businessId) => {
        // A deadlock would run this again, but a stream can be read only once: better an error than half a list.
        if (begun) throw new Error("an import cannot be retried: its source has been read");
        begun = true;
        await tx.execute(READING_MAY_TAKE);
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
        return { listId, imported, report: report() };
      });
      return result && { ...result, replayed };
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

/** Through the view that refuses another business's list. */
async function insertLeads(tx: Tx, tenantId: number, listId: number, slice: NewLead[]): Promise<void> {
  for (let from = 0; from < slice.length; from += SLICE) {
    const some = slice.slice(from, from + SLICE);
    const column = (key: keyof NewLead) =>
      array(
        some.map((lead) => lead[key]),
        "text",
      );
    await tx.execute(sql`
      insert into ringpost.new_leads (tenant_id, outbound_list_id, source, phone_e164, name, first_name, last_name, notes, city)
      select ${tenantId}, ${listId}, ${IMPORTED}, l.phone, l.name, l.first_name, l.last_name, l.notes, l.city
        from unnest(${column("phone")}, ${column("name")}, ${column("firstName")}, ${column("lastName")}, ${column("notes")},
                    ${column("city")}) with ordinality as l (phone, name, first_name, last_name, notes, city, position)
       order by l.position`);
  }
}
