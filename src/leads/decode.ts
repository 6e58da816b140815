// Bytes -> text, in whichever of the four encodings the office software chose. Decides from a window of the file, then
// streams; naively takes whatever is neither UTF-16 nor valid UTF-8 for Windows-1255, which in Israel it is.

import { type ByteReader, SLICE_BYTES } from "./bytes.ts";

export type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "windows-1255";

/** Share of zero bytes in one half of the pairs above which a file without a mark is UTF-16: digits and commas have them. */
const UTF16_ZEROS = 0.2;
/** Share of zero bytes that the other half may have: only a character of U+xx00 has one there. */
const UTF16_STRAY = 0.02;

/** Text in pieces of at most a few slices, without its byte order mark. Bytes that are no character become U+FFFD. */
export async function* decode(bytes: ByteReader): AsyncGenerator<string, void> {
  const marked = wideEncoding(await bytes.peek(SLICE_BYTES));
  const encoding = marked ?? (yield* asciiPart(bytes));

  const decoder = new TextDecoder(encoding);
  for (let slice = await bytes.read(); slice.length > 0; slice = await bytes.read()) {
    yield decoder.decode(slice, { stream: true });
  }
  yield decoder.decode();
}

/** Passes on plain ASCII and returns the encoding of what follows: a file may be ASCII for megabytes before the first name. */
async function* asciiPart(bytes: ByteReader): AsyncGenerator<string, Encoding> {
  for (let window = await bytes.peek(SLICE_BYTES); window.length > 0; window = await bytes.peek(SLICE_BYTES)) {
    const at = window.findIndex((byte) => byte >= 0x80);
    const ascii = at === -1 ? window : window.subarray(0, at);
    yield Buffer.from(ascii).toString("latin1");
    bytes.skip(ascii.length);
    if (at !== -1) return narrowEncoding(await bytes.peek(SLICE_BYTES));
  }
  return "utf-8";
}

function wideEncoding(head: Uint8Array): Encoding | undefined {
  if (head[0] === 0xff && head[1] === 0xfe) return "utf-16le";
  if (head[0] === 0xfe && head[1] === 0xff) return "utf-16be";
  const zeros = [0, 0] as [number, number];
  for (let at = 0; at < head.length; at += 1) if (head[at] === 0) zeros[at & 1 ? 1 : 0] += 1;
  const pairs = head.length / 2;
  if (zeros[1] > pairs * UTF16_ZEROS && zeros[0] <= pairs * UTF16_STRAY) return "utf-16le";
  if (zeros[0] > pairs * UTF16_ZEROS && zeros[1] <= pairs * UTF16_STRAY) return "utf-16be";
  return undefined;
}

/** `window` starts at the first byte that is not ASCII. Hebrew in Windows-1255 is never valid UTF-8 by accident. */
function narrowEncoding(window: Uint8Array): Encoding {
  const cutShort = window.length === SLICE_BYTES; // then the last character may be incomplete
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(window, { stream: cutShort });
    return "utf-8";
  } catch {
    return "windows-1255";
  }
}
