// The words that answers are made of.
import * as v from "valibot";

/** Refuses fields that the document does not name. */
export const exact = v.strictObject;
export const whole = v.pipe(v.number(), v.integer());
export const countOf = v.pipe(v.number(), v.integer(), v.minValue(0));
export const name = v.nullable(v.string());
export const time = v.pipe(v.string(), v.isoTimestamp());
export const orNull = <S extends v.GenericSchema>(schema: S) => v.nullable(schema);
export const named = <S extends v.GenericSchema>(ref: string, schema: S) => v.pipe(schema, v.metadata({ ref }));
export const message = v.pipe(v.string(), v.description("For people, in the language that Accept-Language asks for."));

const reasons = [
  "missing_phone",
  "invalid_phone",
  "duplicate_phone",
  "already_queued",
  "already_called",
  "missing_lead",
] as const;
export const Skipped = named("SkippedLead", exact({ lead_id: whole, reason: v.picklist(reasons) }));

export const said = { success: v.literal(true), message };
export const numbered = { total: countOf, page: whole, page_size: whole };
