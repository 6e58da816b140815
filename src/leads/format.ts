// What kind of file this is, by its first bytes: names and MIME types lie. Says what to do instead when it is none of ours.

import { CodedError } from "../errors.ts";

export type Format = "xlsx" | "text";

/** Files that people take for a table, and what to tell them. */
const FOREIGN: readonly { magic: readonly number[]; message: string }[] = [
  { magic: [0xd0, 0xcf, 0x11, 0xe0], message: "An old or password-protected Excel file: save it as .xlsx or .csv" },
  { magic: [0x25, 0x50, 0x44, 0x46], message: "A PDF: save the table as .xlsx or .csv" },
  { magic: [0x1f, 0x8b], message: "A compressed file: unpack it first" },
  { magic: [0x89, 0x50, 0x4e, 0x47], message: "A picture: save the table as .xlsx or .csv" },
  { magic: [0xff, 0xd8, 0xff], message: "A picture: save the table as .xlsx or .csv" },
];

const ZIP = [0x50, 0x4b, 0x03, 0x04];
/** A web page or XML saved under a table's name, as some systems export it. */
const MARKUP = /^\s*<(?:!doctype|html|\?xml|table|head|meta)/i;

/** @throws import.unreadable for a file of a known other kind */
export function formatOf(head: Uint8Array): Format {
  if (startsWith(head, ZIP)) return "xlsx";
  const foreign = FOREIGN.find(({ magic }) => startsWith(head, magic));
  if (foreign) throw new CodedError("import.unreadable", foreign.message);
  const text = Buffer.from(head.subarray(0, 256)).toString("utf8").replace("\ufeff", "");
  if (MARKUP.test(text)) throw new CodedError("import.unreadable", "A web page: save the table as .xlsx or .csv");
  return "text";
}

function startsWith(head: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, at) => head[at] === byte);
}
