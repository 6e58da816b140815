// The words that requests are made of. Unknown fields are ignored where the CRM's own page is the caller (it may send
// more than we know), and refused in settings, where a misspelt name must not look saved.
import * as v from "valibot";

const INT4_MAX = 2_147_483_647;
/** One run, and one import: a campaign of more is a mistake. */
export const MAX_LEADS = 200_000;

/** An id in a JSON body: a whole number, never a string. */
export const id = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(INT4_MAX));

/** A whole number above 0 as it stands in a path, query or token. One way to write each: 01 is not another name of 1. */
export const WHOLE_NUMBER = /^[1-9]\d{0,9}$/;

const wholeText = (low: number, high: number) =>
  v.pipe(
    v.string(),
    v.regex(WHOLE_NUMBER),
    v.description(`From ${low} to ${high}.`),
    v.transform(Number),
    v.minValue(low),
    v.maxValue(high),
  );

/** What `wholeText` says of its limits, read again: JSON Schema sees only digits. */
export function rangeIn(description: string | undefined): { minimum: number; maximum: number } | undefined {
  const [, low, high] = /^From (\d+) to (\d+)\.$/.exec(description ?? "") ?? [];
  return low === undefined ? undefined : { minimum: Number(low), maximum: Number(high) };
}

/** An id in a path or query. */
export const idText = wholeText(1, INT4_MAX);

/** Text that Postgres can store: no NUL, no half surrogate pairs. Length in UTF-16 units. */
// oxlint-disable-next-line no-control-regex -- NUL is exactly what must be found
export const WORDS = /^[^\u0000\p{Cs}]*$/u;
export const words = (max: number) => v.pipe(v.string(), v.maxLength(max), v.regex(WORDS));

export const runParam = v.object({ run_id: idText });
export const listParam = v.object({ list_id: idText });

/** Keyset pages: `cursor` is the `next_cursor` of the page before. */
export const cursorQuery = v.object({
  limit: v.optional(wholeText(1, 100), "20"),
  cursor: v.optional(v.pipe(v.string(), v.maxLength(64))),
});

/** Numbered pages, as the CRM's tables ask for them. */
export const pageQuery = v.object({
  page: v.optional(wholeText(1, 100_000), "1"),
  page_size: v.optional(wholeText(1, 100), "50"),
});
