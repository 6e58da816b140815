// Getting going again: a failed run is resumed, a business's stuck runs are cleaned up.
import { Hono } from "hono";
import { CodedError } from "../errors.ts";
import { MANAGERS, onlyFor, type Access } from "./access.ts";
import { valid } from "./body.ts";
import type { ApiDeps, ApiEnv } from "./deps.ts";
import { SAY } from "./messages.ts";
import { runParam } from "./schemas.ts";

export function recoverRoutes({ queue }: ApiDeps, access: Access) {
  return new Hono<ApiEnv>()
    .post("/runs/:run_id/resume", valid("param", runParam), async (c) => {
      const { tenant, run } = await access.run(c, c.req.valid("param").run_id);
      const { status, queued, skipped } = await queue.resumeRun(tenant.door, run.id);
      const message = SAY.resumed(queued)[c.get("locale")];
      return c.json({ success: true, message, run_id: run.id, status, queued, skipped });
    })
    .post("/cleanup-stuck-jobs", onlyFor(MANAGERS), async (c) => {
      const tenant = await access.business(c);
      if (!(await tenant.business())) throw new CodedError("business.not_found", "no such business");
      const { door } = tenant;
      const { reclaimedRuns, endedRuns } = await queue.cleanUpBusiness(door);
      const cleaned_count = reclaimedRuns + endedRuns;
      return c.json({ success: true, cleaned_count, message: SAY.cleanedUp(cleaned_count)[c.get("locale")] });
    });
}
