// "Call now": up to three leads are placed while the caller waits; more become a queue like any other.
//
// Naively asks the database every POLL_MS: a placed call changes no counter of its run, so that no event tells of it.
// At most three rows for at most ten seconds, only while a person waits.
import { setTimeout as sleep } from "node:timers/promises";
import { Hono } from "hono";
import * as v from "valibot";
import type { JobRow, Tenant } from "../../db/tenant.ts";
import type { Enqueued } from "../runs/enqueue.ts";
import type { Access } from "./access.ts";
import { jsonBody, valid } from "./body.ts";
import type { ApiDeps, ApiEnv } from "./deps.ts";
import { enqueuers } from "./enqueue.ts";
import { markReplayed, onceOf } from "./idempotency.ts";
import type { Locale } from "./locale.ts";
import { SAY, SKIPPED } from "./messages.ts";
import { id, MAX_LEADS } from "./schemas.ts";

/** More leads than this are a queue: nobody wants to wait for them. */
const AT_ONCE = 3;
const WAIT_MS = 10_000;
const POLL_MS = 100;

const StartNow = v.object({
  lead_ids: v.config(v.pipe(v.array(id), v.minLength(1), v.maxLength(MAX_LEADS)), { abortEarly: true }),
  project_id: v.nullish(id),
});

interface Call {
  lead_id: number;
  lead_name: string | null;
  call_sid: string | null;
  status: "initiated" | "queued" | "failed";
  error?: string;
}

export function startRoutes(deps: ApiDeps, access: Access) {
  const { enqueueRun } = enqueuers(deps);
  return new Hono<ApiEnv>().post("/start", jsonBody(), valid("json", StartNow), async (c) => {
    const { lead_ids, project_id } = c.req.valid("json");
    const tenant = await access.business(c);
    const leadIds = [...new Set(lead_ids)];
    const input = {
      leadIds,
      concurrency: AT_ONCE,
      outboundListId: null,
      projectId: project_id ?? null,
      message: null,
    };
    // A repetition gets the run that it began, and waits for the same calls: the answer is built again from their rows.
    const { runId, queued, skipped, replayed } = await enqueueRun(tenant.door, input, onceOf(c, input));
    markReplayed(c, replayed);
    const locale = c.get("locale");
    if (leadIds.length > AT_ONCE)
      return c.json(
        { success: true, message: SAY.queued(queued)[locale], run_id: runId, queued, mode: "bulk_queue" as const },
        201,
      );
    const jobs = await untilPlaced(tenant, runId, c.req.raw.signal);
    const found = [...jobs.map(callOf), ...(await skippedCalls(tenant, skipped, locale))];
    const calls = leadIds.flatMap((lead) => found.filter((call) => call.lead_id === lead));
    const alive = calls.filter((call) => call.status !== "failed").length;
    const message = alive > 0 ? SAY.placed(alive) : SAY.nonePlaced;
    return c.json({ success: alive > 0, message: message[locale], run_id: runId, calls }, 200);
  });
}

/** The run's jobs once each has a call or an end, or after WAIT_MS, or as soon as the caller has gone. */
async function untilPlaced(tenant: Tenant, runId: number, gone: AbortSignal): Promise<JobRow[]> {
  const until = performance.now() + WAIT_MS;
  for (;;) {
    const { items } = await tenant.listJobs(runId, undefined, AT_ONCE, undefined);
    const open = items.some((job) => callOf(job).status === "queued");
    if (!open || gone.aborted || performance.now() >= until) return items;
    await sleep(POLL_MS);
  }
}

function callOf(job: JobRow): Call {
  const call = { lead_id: job.leadId, lead_name: job.leadName, call_sid: job.callSid ?? job.twilioCallSid };
  if (call.call_sid !== null) return { ...call, status: "initiated" };
  const hasEnded = job.status === "failed" || job.status === "cancelled" || job.status === "completed";
  if (!hasEnded) return { ...call, status: "queued" };
  return { ...call, status: "failed", ...(job.errorMessage && { error: job.errorMessage }) };
}

async function skippedCalls(tenant: Tenant, skipped: Enqueued["skipped"], locale: Locale): Promise<Call[]> {
  if (skipped.length === 0) return [];
  const names = await tenant.leadNames(skipped.map((lead) => lead.leadId));
  return skipped.map(({ leadId, reason }) => ({
    lead_id: leadId,
    lead_name: names.get(leadId) ?? null,
    call_sid: null,
    status: "failed",
    error: SKIPPED[reason][locale],
  }));
}
