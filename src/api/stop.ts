// Ending runs: stop (at once), cancel (before the next lead), force-cancel (at once, with every worker dead).
import { Hono } from "hono";
import * as v from "valibot";
import { CodedError } from "../errors.ts";
import type { Access } from "./access.ts";
import { jsonBody, valid } from "./body.ts";
import type { ApiDeps, ApiEnv } from "./deps.ts";
import { SAY } from "./messages.ts";
import { id, runParam } from "./schemas.ts";

const Stop = v.object({ run_id: id, hang_up: v.optional(v.boolean(), false) });

export function stopRoutes({ queue, config }: ApiDeps, access: Access) {
  return new Hono<ApiEnv>().post("/stop-queue", jsonBody(), valid("json", Stop), async (c) => {
    const { run_id, hang_up } = c.req.valid("json");
    const { tenant } = await access.run(c, run_id);
    const { stopped, cancelledJobs } = await queue.stopRun(tenant.door, run_id, { hangUp: hang_up, flight: config });
    const locale = c.get("locale");
    return stopped
      ? c.json({ success: true, message: SAY.stopped(cancelledJobs)[locale], cancelled_jobs: cancelledJobs })
      : c.json({ success: true, message: SAY.alreadyEnded[locale] });
  });
}

export function cancelRoutes({ queue, config }: ApiDeps, access: Access) {
  return new Hono<ApiEnv>()
    .post("/jobs/:run_id/cancel", valid("param", runParam), async (c) => {
      const { tenant, run } = await access.run(c, c.req.valid("param").run_id);
      const locale = c.get("locale");
      const answer = await queue.requestCancel(tenant.door, run.id);
      if (answer === "already_ended") {
        const message = SAY.alreadyEnded[locale];
        throw new CodedError("run.already_ended", "the run has ended", { success: false, message });
      }
      const message = answer === "requested" ? SAY.cancelRequested : SAY.cancelAlreadyRequested;
      return c.json({ success: true, message: message[locale] });
    })
    .post("/jobs/:run_id/force-cancel", valid("param", runParam), async (c) => {
      const { tenant, run } = await access.run(c, c.req.valid("param").run_id);
      const { cancelled, cancelledJobs } = await queue.forceCancelRun(tenant.door, run.id, { flight: config });
      const message = cancelled ? SAY.cancelled(cancelledJobs) : SAY.alreadyEnded;
      return c.json({ success: true, message: message[c.get("locale")], cancelled_jobs: cancelledJobs });
    });
}
