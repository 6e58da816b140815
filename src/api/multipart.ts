// A form with a file. The parser takes a microsecond or more for each part and each header line, without a pause: of
// sixteen megabytes of them it makes seconds in which nobody else is answered. So what no browser sends is refused first.
import type { Context } from "hono";
import { CodedError } from "../errors.ts";
import { whole } from "./body.ts";

/** A file, a name, and what a page may add. */
const MAX_PARTS = 32;
const MAX_PART_HEADER = 8 * 1024;
/** One parameter, as every client writes it: with two, we might look for one boundary and the parser for the other. */
const FORM_TYPE = /^multipart\/form-data\s*;\s*boundary=(?:"([^"\\]{1,70})"|([^\s";,]{1,70}))\s*$/i;

export const isForm = (c: Context) => /^multipart\/form-data\s*(;|$)/i.test(c.req.header("content-type") ?? "");

/** The last value of each field. Throws request.malformed. */
export async function parseForm(c: Context): Promise<Record<string, unknown>> {
  const type = c.req.header("content-type") ?? "";
  const named = FORM_TYPE.exec(type);
  const boundary = named?.[1] ?? named?.[2];
  const bytes = await whole(c.req.arrayBuffer());
  if (boundary === undefined || !isModest(Buffer.from(bytes), `--${boundary}`))
    throw new CodedError("request.malformed", "not a form, or one of too many parts");
  try {
    return Object.fromEntries(await new Response(bytes, { headers: { "content-type": type } }).formData());
  } catch {
    throw new CodedError("request.malformed", "not a multipart body");
  }
}

function isModest(bytes: Buffer, delimiter: string): boolean {
  let parts = 0;
  for (let at = bytes.indexOf(delimiter); at >= 0; at = bytes.indexOf(delimiter, at + delimiter.length)) {
    const header = bytes.subarray(at, at + delimiter.length + MAX_PART_HEADER);
    const isLast = header.subarray(delimiter.length, delimiter.length + 2).equals(Buffer.from("--"));
    if (++parts > MAX_PARTS || (!isLast && !header.includes("\r\n\r\n"))) return false;
  }
  return true;
}
