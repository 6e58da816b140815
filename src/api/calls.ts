// The calls that were placed, as the CRM's table of recent calls shows them.
import { Hono } from "hono";
import * as v from "valibot";
import { CodedError } from "../errors.ts";
import type { Access } from "./access.ts";
import { valid } from "./body.ts";
import type { ApiEnv } from "./deps.ts";
import { idText, pageQuery, words } from "./schemas.ts";
import { callView } from "./views.ts";

const callsQuery = v.object({
  ...pageQuery.entries,
  status: v.optional(words(32)),
  search: v.optional(words(200)),
  run_id: v.optional(idText),
});

export function callRoutes(access: Access) {
  return new Hono<ApiEnv>().get("/recent-calls", valid("query", callsQuery), async (c) => {
    const { page, page_size, run_id: runId, search, status } = c.req.valid("query");
    const tenant = await access.business(c);
    if (runId !== undefined && !(await tenant.findRun(runId))) throw new CodedError("run.not_found", "no such run");
    // A form sends its empty fields too: they choose nothing.
    const filter = { search, status: status || undefined, runId };
    const { total, items } = await tenant.listCalls(filter, { size: page_size, number: page });
    return c.json({ total, page, page_size, items: items.map(callView) });
  });
}
