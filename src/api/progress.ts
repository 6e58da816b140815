// The progress bar and the counts beside it, under the CRM's older path.
import { Hono } from "hono";
import { CodedError } from "../errors.ts";
import type { Access } from "./access.ts";
import { valid } from "./body.ts";
import type { ApiDeps, ApiEnv } from "./deps.ts";
import { runParam } from "./schemas.ts";
import { progressView } from "./views.ts";

export function progressRoutes({ config }: ApiDeps, access: Access) {
  return new Hono<ApiEnv>()
    .get("/jobs/active", async (c) => {
      const tenant = await access.business(c);
      const run = await tenant.activeRun();
      if (!run) throw new CodedError("run.none_active", "no run is active");
      return c.json(progressView(run));
    })
    .get("/jobs/:run_id/status", valid("param", runParam), async (c) => {
      const { run } = await access.run(c, c.req.valid("param").run_id);
      return c.json(progressView(run));
    })
    .get("/counts", async (c) => {
      const tenant = await access.business(c);
      const [live, settings] = await Promise.all([tenant.liveCalls(), tenant.settings()]);
      const limit = settings?.maxCalls ?? config.maxCallsPerBusiness;
      // The page knows a total with incoming calls in it; only outgoing ones pass through here, so both are the same.
      return c.json({ active_total: live, active_outbound: live, max_total: limit, max_outbound: limit });
    });
}
