// Problems and health.
import * as v from "valibot";
import { PROBLEMS, type ProblemCode } from "../../messages.ts";
import { countOf, exact, message, named, Skipped, whole } from "./words.ts";

export const Alive = named("Alive", exact({ status: v.literal("ok") }));
export const Ready = named("Ready", exact({ status: v.literal("ready"), workers: countOf }));

const Fault = exact({
  in: v.string(),
  field: v.string(),
  rule: v.string(),
  expected: v.optional(v.string()),
});
export const Problem = named(
  "Problem",
  exact({
    type: v.string(),
    title: v.string(),
    status: whole,
    detail: v.string(),
    instance: v.optional(v.pipe(v.string(), v.description("Of a 5xx: the id of its line in our log."))),
    code: v.pipe(
      v.picklist(Object.keys(PROBLEMS) as ProblemCode[]),
      v.description("Stable: a code never changes its meaning."),
    ),
    error: message,
    errors: v.optional(v.array(v.union([v.string(), named("Fault", Fault)]))),
    skipped: v.optional(v.array(Skipped)),
    skipped_count: v.optional(countOf),
    success: v.optional(v.literal(false)),
    message: v.optional(message),
  }),
);
