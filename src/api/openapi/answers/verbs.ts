// What starting, ending and deleting answer.
import * as v from "valibot";
import { RUN_STATUSES } from "../../../runs/states.ts";
import { countOf, exact, message, name, named, said, Skipped, whole } from "./words.ts";

export const Enqueued = named("Enqueued", exact({ run_id: whole, queued: countOf, skipped: v.array(Skipped) }));
const Call = exact({
  lead_id: whole,
  lead_name: name,
  call_sid: name,
  status: v.picklist(["initiated", "queued", "failed"]),
  error: v.optional(v.string()),
});
export const Started = named(
  "Started",
  exact({ success: v.boolean(), message, run_id: whole, calls: v.array(named("StartedCall", Call)) }),
);
export const Queued = named(
  "Queued",
  exact({ success: v.literal(true), message, run_id: whole, queued: countOf, mode: v.literal("bulk_queue") }),
);

export const Said = named("Said", exact(said));
export const Stopped = named("Stopped", exact({ ...said, cancelled_jobs: v.optional(countOf) }));
export const Resumed = named(
  "Resumed",
  exact({ ...said, run_id: whole, status: v.picklist(RUN_STATUSES), queued: countOf, skipped: countOf }),
);
export const CleanedUp = named("CleanedUp", exact({ ...said, cleaned_count: countOf }));
export const Deleted = named("Deleted", exact({ ...said, deleted_count: countOf }));
