// Cell text -> what may be stored: Postgres refuses NUL and lone surrogates, and a name is no place for control characters.

/** The width of the name columns, varchar(255), counted in characters as Postgres does. */
export const NAME_LENGTH = 255;
/** `notes` is text without a limit; this one keeps a row's size sane. */
export const NOTES_LENGTH = 10_000;

// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\ufeff\ufffd]/g;

/** One line, trimmed and cut to `length` characters; nothing left is null. */
export function cleanLine(raw: string | undefined, length: number = NAME_LENGTH): string | null {
  return clean(raw?.replace(/\s+/g, " "), length);
}

/** As `cleanLine`, but keeps line breaks. */
export function cleanText(raw: string | undefined, length: number = NOTES_LENGTH): string | null {
  return clean(raw?.replace(/\r\n?/g, "\n").replaceAll("\t", " "), length);
}

function clean(raw: string | undefined, length: number): string | null {
  if (raw === undefined) return null;
  const text = raw.toWellFormed().replace(CONTROL, "").trim();
  return text === "" ? null : shorten(text, length);
}

/** Cuts between characters, never inside a surrogate pair. */
function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  return Array.from(text.slice(0, length * 2))
    .slice(0, length)
    .join("")
    .trim();
}
