// Taking imported leads out again: one, some (all of them or none), or every one that has no call.
import { Hono } from "hono";
import * as v from "valibot";
import { CodedError } from "../errors.ts";
import { MANAGERS, onlyFor, type Access } from "./access.ts";
import { jsonBody, valid } from "./body.ts";
import type { ApiEnv } from "./deps.ts";
import { SAY } from "./messages.ts";
import { id, idText, MAX_LEADS } from "./schemas.ts";

const leadParam = v.object({ lead_id: idText });

/** Either of the two: who names leads and says "all" as well means only one of them. */
const Some = v.object({
  lead_ids: v.config(v.pipe(v.array(id), v.minLength(1), v.maxLength(MAX_LEADS)), { abortEarly: true }),
  delete_all: v.optional(v.literal(false)),
});
const All = v.object({ delete_all: v.literal(true), lead_ids: v.optional(v.pipe(v.array(id), v.maxLength(0))) });
const Which = v.union([Some, All]);

export function deleteRoutes(access: Access) {
  return new Hono<ApiEnv>()
    .delete("/import-leads/:lead_id", onlyFor(MANAGERS), valid("param", leadParam), async (c) => {
      const tenant = await access.business(c);
      const { deleted } = deletedOr(await tenant.deleteLeads([c.req.valid("param").lead_id]));
      return c.json({ success: true, message: SAY.deleted(deleted)[c.get("locale")] });
    })
    .post("/import-leads/bulk-delete", onlyFor(MANAGERS), jsonBody(), valid("json", Which), async (c) => {
      const which = c.req.valid("json");
      const tenant = await access.business(c);
      const locale = c.get("locale");
      if (which.delete_all === true) {
        const { deleted, kept } = deletedOr(await tenant.deleteAllImported());
        const message = kept > 0 ? SAY.deletedSome(deleted, kept) : SAY.deleted(deleted);
        return c.json({ success: true, deleted_count: deleted, message: message[locale] });
      }
      const { deleted } = deletedOr(await tenant.deleteLeads(which.lead_ids));
      return c.json({ success: true, deleted_count: deleted, message: SAY.deleted(deleted)[locale] });
    });
}

function deletedOr<T extends object>(answer: T | "not_found" | "not_imported" | "has_calls"): T {
  if (typeof answer === "object") return answer;
  throw new CodedError(`lead.${answer}`, "nothing was deleted");
}
