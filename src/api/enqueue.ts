// Starting a run.
import { Hono } from "hono";
import * as v from "valibot";
import type { Door } from "../../db/tenant.ts";
import { CodedError } from "../errors.ts";
import type { Enqueued } from "../runs/enqueue.ts";
import type { Access } from "./access.ts";
import { jsonBody, valid } from "./body.ts";
import type { ApiDeps, ApiEnv } from "./deps.ts";
import { markReplayed, onceOf } from "./idempotency.ts";
import { id, MAX_LEADS, runParam, words } from "./schemas.ts";

/** Twilio says at most 4,096 characters in one go. */
export const MAX_WORDS = 4_000;

const Start = v.object({
  // Stops at the first bad id: 200,000 of them would fill the memory with complaints.
  lead_ids: v.config(v.pipe(v.array(id), v.minLength(1), v.maxLength(MAX_LEADS)), { abortEarly: true }),
  concurrency: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10)), 3),
  outbound_list_id: v.nullish(id),
  project_id: v.nullish(id),
  only_uncalled: v.optional(v.boolean(), false),
  message: v.nullish(v.object({ he: v.optional(words(MAX_WORDS)), en: v.optional(words(MAX_WORDS)) })),
});

/** Ids in the wish that the business does not have: missing or foreign, nobody looks which. */
const NOT_THEIRS = new Set(["lead.not_found", "list.not_found"]);

type Enqueuers = Pick<ApiDeps["queue"], "enqueueRun" | "callCancelled">;

/** The queue's, with a [SECURITY] line for ids that are not the business's, and `skipped` as the API shows it. */
export function enqueuers({ queue, log }: Pick<ApiDeps, "queue" | "log">): Enqueuers {
  const shown = async (door: Door, work: Promise<Enqueued>): Promise<Enqueued> => {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      if (NOT_THEIRS.has(error.code))
        log.warn(
          { what: error.code, businessId: door.businessId, actor: door.actor },
          "[SECURITY] Asked for an id that the business does not have",
        );
      if (error.code !== "run.nothing_to_call") throw error;
      const skipped = (error.detail["skipped"] ?? []) as Enqueued["skipped"];
      throw new CodedError(error.code, error.message, { skipped: skippedView(skipped) });
    }
  };
  return {
    enqueueRun: (door, input, once) => shown(door, queue.enqueueRun(door, input, once)),
    callCancelled: (door, runId, once) => shown(door, queue.callCancelled(door, runId, once)),
  };
}

export function enqueueRoutes(deps: ApiDeps, access: Access) {
  const { enqueueRun, callCancelled } = enqueuers(deps);
  return new Hono<ApiEnv>()
    .post("/bulk-enqueue", jsonBody(), valid("json", Start), async (c) => {
      const wish = c.req.valid("json");
      const { door } = await access.business(c);
      const input = {
        // A lead named twice is one lead, called once; the order of first mention stays.
        leadIds: [...new Set(wish.lead_ids)],
        concurrency: wish.concurrency,
        outboundListId: wish.outbound_list_id ?? null,
        projectId: wish.project_id ?? null,
        message: spoken(wish.message ?? {}),
        // Only where it was asked for: the print of a wish without it stays what it was.
        ...(wish.only_uncalled && { onlyUncalled: true as const }),
      };
      const { runId, queued, skipped, replayed } = await enqueueRun(door, input, onceOf(c, input));
      markReplayed(c, replayed);
      return c.json({ run_id: runId, queued, skipped: skippedView(skipped) }, 201);
    })
    .post("/runs/:run_id/call-cancelled", valid("param", runParam), async (c) => {
      const { tenant, run } = await access.run(c, c.req.valid("param").run_id);
      const { runId, queued, skipped, replayed } = await callCancelled(tenant.door, run.id, onceOf(c, {}));
      markReplayed(c, replayed);
      return c.json({ run_id: runId, queued, skipped: skippedView(skipped) }, 201);
    });
}

const skippedView = (skipped: Enqueued["skipped"]) =>
  skipped.map(({ leadId, reason }) => ({ lead_id: leadId, reason }));

/** Blank words are no words: the business's own count then. */
function spoken({ he, en }: { he?: string | undefined; en?: string | undefined }) {
  const message = { ...(he?.trim() && { he }), ...(en?.trim() && { en }) };
  return Object.keys(message).length > 0 ? message : null;
}
