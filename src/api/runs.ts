// Watching runs: one, the list, its jobs, its audit trail, the active one.
import { Hono } from "hono";
import * as v from "valibot";
import { JOB_STATUSES } from "../runs/states.ts";
import type { Access } from "./access.ts";
import { valid } from "./body.ts";
import { cursorOf, markOf } from "./cursor.ts";
import type { ApiDeps, ApiEnv } from "./deps.ts";
import { cursorQuery, runParam } from "./schemas.ts";
import { activeView, auditView, isOpen, jobView, runView, watchedRunView } from "./views.ts";

const jobsQuery = v.object({ ...cursorQuery.entries, status: v.optional(v.picklist(JOB_STATUSES)) });

export function runRoutes({ queue }: ApiDeps, access: Access) {
  return new Hono<ApiEnv>()
    .get("/runs", valid("query", cursorQuery), async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const tenant = await access.business(c);
      const page = await tenant.listRuns(limit, markOf("runs", cursor));
      return c.json({ items: page.items.map(runView), next_cursor: cursorOf("runs", page.next) });
    })
    .get("/runs/:run_id", valid("param", runParam), async (c) => {
      const { tenant, run } = await access.run(c, c.req.valid("param").run_id);
      const waiting = isOpen(run) ? await queue.waitingFor(tenant.door, run.id) : null;
      return c.json(watchedRunView(run, waiting, c.get("locale")));
    })
    .get("/runs/:run_id/jobs", valid("param", runParam), valid("query", jobsQuery), async (c) => {
      const { limit, cursor, status } = c.req.valid("query");
      const { tenant, run } = await access.run(c, c.req.valid("param").run_id);
      const page = await tenant.listJobs(run.id, status, limit, markOf("jobs", cursor));
      return c.json({ items: page.items.map(jobView), next_cursor: cursorOf("jobs", page.next) });
    })
    .get("/runs/:run_id/audit", valid("param", runParam), valid("query", cursorQuery), async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const { tenant, run } = await access.run(c, c.req.valid("param").run_id);
      const page = await tenant.audit(run.id, limit, markOf("audit", cursor));
      return c.json({ items: page.items.map(auditView), next_cursor: cursorOf("audit", page.next) });
    })
    .get("/bulk/active", async (c) => {
      const tenant = await access.business(c);
      const run = await tenant.activeRun();
      return run ? c.json({ active: true as const, run: activeView(run) }) : c.json({ active: false as const });
    });
}
