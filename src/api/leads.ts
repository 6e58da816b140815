// Imported leads and their lists, to look at.
import { Hono } from "hono";
import * as v from "valibot";
import { CodedError } from "../errors.ts";
import type { Access } from "./access.ts";
import { valid } from "./body.ts";
import type { ApiEnv } from "./deps.ts";
import { idText, listParam, MAX_LEADS, pageQuery, words } from "./schemas.ts";
import { iso, leadView } from "./views.ts";

const oneOrMore = v.union([words(64), v.pipe(v.array(words(64)), v.maxLength(50))]);

const leadsQuery = v.object({
  ...pageQuery.entries,
  list_id: v.optional(idText),
  search: v.optional(words(200)),
  "statuses[]": v.optional(oneOrMore),
});

export function leadRoutes(access: Access) {
  return new Hono<ApiEnv>()
    .get("/import-leads", valid("query", leadsQuery), async (c) => {
      const query = c.req.valid("query");
      const tenant = await access.business(c);
      const { list_id: listId, search, "statuses[]": statuses } = query;
      if (listId !== undefined && !(await tenant.findList(listId)))
        throw new CodedError("list.not_found", "no such list");
      // A form sends its empty fields too: they choose nothing.
      const filter = { listId, search, statuses: [statuses ?? []].flat().filter((status) => status !== "") };
      const found = await tenant.listLeads(filter, { size: query.page_size, number: query.page });
      return c.json({
        total: found.total,
        limit: MAX_LEADS,
        current_count: found.imported,
        page: query.page,
        page_size: query.page_size,
        items: found.items.map(leadView),
      });
    })
    .get("/import-lists", async (c) => {
      const tenant = await access.business(c);
      const lists = await tenant.listLists();
      return c.json({
        lists: lists.map((list) => ({
          id: list.id,
          name: list.name,
          file_name: list.fileName,
          total_leads: list.totalLeads ?? 0,
          current_leads: list.currentLeads,
          created_at: iso(list.createdAt),
        })),
      });
    })
    .get("/import-lists/:list_id/called", valid("param", listParam), async (c) => {
      const { list_id } = c.req.valid("param");
      const tenant = await access.business(c);
      if (!(await tenant.findList(list_id))) throw new CodedError("list.not_found", "no such list");
      const { leads, called, lastCalledAt } = await tenant.calledOf(list_id);
      return c.json({ list_id, current_leads: leads, called_leads: called, last_called_at: iso(lastCalledAt) });
    });
}
