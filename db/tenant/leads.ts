// The business's imported leads and their lists, to look at. Leads from other sources are the CRM's to show.
import { and, count, desc, eq, inArray, sql, type SQL } from "drizzle-orm";
import { calledAt, wasCalled } from "../called.ts";
import { row } from "../client.ts";
import { through, type Door } from "../door.ts";
import { leads, outboundLeadLists } from "../schema.ts";
import type { Guard } from "./guard.ts";
import { IMPORTED } from "./import.ts";
import { searching } from "./search.ts";

export interface LeadFilter {
  listId?: number | undefined;
  /** Part of a name or number; `%` and `_` stand for themselves. */
  search?: string | undefined;
  statuses?: string[] | undefined;
}

const LEAD = {
  businessId: leads.tenantId,
  id: leads.id,
  name: leads.name,
  firstName: leads.firstName,
  lastName: leads.lastName,
  phone: leads.phoneE164,
  status: leads.status,
  notes: leads.notes,
  listId: leads.outboundListId,
  createdAt: leads.createdAt,
};

const LIST = {
  businessId: outboundLeadLists.tenantId,
  id: outboundLeadLists.id,
  name: outboundLeadLists.name,
  fileName: outboundLeadLists.fileName,
  totalLeads: outboundLeadLists.totalLeads,
  createdAt: outboundLeadLists.createdAt,
};

function matching({ listId, search, statuses }: LeadFilter): SQL | undefined {
  return and(
    listId === undefined ? undefined : eq(leads.outboundListId, listId),
    statuses?.length ? inArray(leads.status, statuses) : undefined,
    searching(search, [leads.name, leads.firstName, leads.lastName], leads.phoneE164),
  );
}

export function leadQueries(door: Door, guard: Guard) {
  const imported = (businessId: number) => and(eq(leads.tenantId, businessId), eq(leads.source, IMPORTED));
  return {
    /** One page, newest first, with how many match in all, and how many imported leads the business has. */
    async listLeads(filter: LeadFilter, page: { size: number; number: number }) {
      return await through(door, async (tx, businessId) => {
        const where = and(imported(businessId), matching(filter));
        const items = await tx
          .select(LEAD)
          .from(leads)
          .where(where)
          .orderBy(desc(leads.id))
          .limit(page.size)
          .offset((page.number - 1) * page.size);
        const [matched] = await tx.select({ n: count() }).from(leads).where(where);
        const [all] = await tx.select({ n: count() }).from(leads).where(imported(businessId));
        return { items: guard.own(items, "lead"), total: matched?.n ?? 0, imported: all?.n ?? 0 };
      });
    },

    /** Names to show beside a few ids; those that are not the business's are left out. */
    async leadNames(ids: readonly number[]): Promise<Map<number, string | null>> {
      const { businessId, id, name, firstName, lastName } = LEAD;
      const found = await through(door, (tx, business) =>
        tx
          .select({ businessId, id, name, firstName, lastName })
          .from(leads)
          .where(and(eq(leads.tenantId, business), inArray(leads.id, [...ids]))),
      );
      const full = (lead: (typeof found)[number]) => [lead.firstName, lead.lastName].filter(Boolean).join(" ") || null;
      return new Map(guard.own(found, "lead").map((lead) => [lead.id, lead.name ?? full(lead)]));
    },

    async findList(listId: number) {
      const [found] = await through(door, (tx, businessId) =>
        tx
          .select(LIST)
          .from(outboundLeadLists)
          .where(and(eq(outboundLeadLists.tenantId, businessId), eq(outboundLeadLists.id, listId))),
      );
      return guard.one(found, "list", listId);
    },

    /** How many imported leads a list has, how many of them were called, and when last. The caller has looked the list up. */
    async calledOf(listId: number): Promise<{ leads: number; called: number; lastCalledAt: Date | null }> {
      // In milliseconds: a bare statement's times come as text.
      const found = await through(door, (tx, businessId) =>
        row<{ leads: number; called: number; last: number | null }>(
          tx,
          sql`select count(*)::int as leads, count(c.last)::int as called,
                     (extract(epoch from max(c.last)) * 1000)::float8 as last
                from leads l
                left join lateral (
                  select max(${calledAt("j")}) as last from outbound_call_jobs j
                   where j.lead_id = l.id and j.business_id + 0 = ${businessId} and ${wasCalled("j")}) c on true
               where l.tenant_id = ${businessId} and l.outbound_list_id = ${listId} and l.source = ${IMPORTED}`,
        ),
      );
      const { leads: all = 0, called = 0, last = null } = found ?? {};
      return { leads: all, called, lastCalledAt: last === null ? null : new Date(last) };
    },

    /** Newest first, each with the number of leads that are still in it. */
    async listLists() {
      const found = await through(door, (tx, businessId) =>
        tx
          .select({ ...LIST, currentLeads: count(leads.id) })
          .from(outboundLeadLists)
          // A lead that the CRM moved to another business must not be counted here.
          .leftJoin(leads, and(eq(leads.outboundListId, outboundLeadLists.id), eq(leads.tenantId, businessId)))
          .where(eq(outboundLeadLists.tenantId, businessId))
          // All of them: behind the door this is a view, which has no primary key to stand for the rest.
          .groupBy(...Object.values(LIST))
          .orderBy(desc(outboundLeadLists.id)),
      );
      return guard.own(found, "list");
    },
  };
}

export type LeadRow = Awaited<ReturnType<ReturnType<typeof leadQueries>["listLeads"]>>["items"][number];
