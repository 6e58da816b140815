// Starting a run.
import { Hono } from "hono";
import * as v from "valibot";
import { CodedError } from "../errors.ts";
import type { Enqueued } from "../runs/enqueue.ts";
import type { Access } from "./access.ts";
import { jsonBody, valid } from "./body.ts";
import type { ApiDeps, ApiEnv } from "./deps.ts";
import { markReplayed, onceOf } from "./idempotency.ts";
import { id, MAX_LEADS, words } from "./schemas.ts";

/** Twilio says at most 4,096 characters in one go. */
export const MAX_WORDS = 4_000;

const Start = v.object({
  // Stops at the first bad id: 200,000 of them would fill the memory with complaints.
  lead_ids: v.config(v.pipe(v.array(id), v.minLength(1), v.maxLength(MAX_LEADS)), { abortEarly: true }),
  concurrency: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10)), 3),
  outbound_list_id: v.nullish(id),
  project_id: v.nullish(id),
  message: v.nullish(v.object({ he: v.optional(words(MAX_WORDS)), en: v.optional(words(MAX_WORDS)) })),
});

/** Ids in the wish that the business does not have: missing or foreign, nobody looks which. */
const NOT_THEIRS = new Set(["lead.not_found", "list.not_found"]);

/** enqueueRun, with a [SECURITY] line for ids that are not the business's, and `skipped` as the API shows it. */
export const enqueuer =
  ({ queue, log }: Pick<ApiDeps, "queue" | "log">): ApiDeps["queue"]["enqueueRun"] =>
  async (door, input, once) => {
    try {
      return await queue.enqueueRun(door, input, once);
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

export function enqueueRoutes(deps: ApiDeps, access: Access) {
  const enqueue = enqueuer(deps);
  return new Hono<ApiEnv>().post("/bulk-enqueue", jsonBody(), valid("json", Start), async (c) => {
    const wish = c.req.valid("json");
    const { door } = await access.business(c);
    const input = {
      // A lead named twice is one lead, called once; the order of first mention stays.
      leadIds: [...new Set(wish.lead_ids)],
      concurrency: wish.concurrency,
      outboundListId: wish.outbound_list_id ?? null,
      projectId: wish.project_id ?? null,
      message: spoken(wish.message ?? {}),
    };
    const { runId, queued, skipped, replayed } = await enqueue(door, input, onceOf(c, input));
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
