// The log: one JSON line per sentence. Phone numbers and secrets are taken out by value, whatever path they came on.
import pino from "pino";

export type Logger = pino.Logger;

// What a phone number looks like in our data: E.164, Israeli national and international without the plus, with the
// separators people use. Times are ISO, ids are short, so neither looks like one.
const SECRETS: readonly [RegExp, string][] = [
  [/(?:\+|%2B)\d[\d\s().-]{5,18}\d/gi, "[number]"],
  [/(?<![\d.:T-])0\d{1,2}[-\s)]{0,2}\d{3}[-\s]?\d{4}(?![\d.])/g, "[number]"],
  [/(?<![\d.])(?:00)?972[-\s]?\d{1,2}[-\s]?\d{3}[-\s]?\d{4}(?!\d)/g, "[number]"],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, "[token]"],
  [/(\bpostgres(?:ql)?:\/\/[^:/\s]+:)[^@\s]+@/g, "$1[secret]@"],
];

/** Removes phone numbers, tokens and passwords from a line of text. */
export function redact(line: string): string {
  let clean = line;
  for (const [pattern, put] of SECRETS) clean = clean.replace(pattern, put);
  return clean;
}

export function createLogger(level: string, out: { write(line: string): unknown } = process.stderr): Logger {
  return pino(
    { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: plainError } },
    { write: (line: string) => void out.write(redact(line)) },
  );
}

/** Postgres puts whole rows into `detail`, and Drizzle the parameters into the message: neither is for a log. */
function plainError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? error.code : undefined;
  const cause = error.cause === undefined ? undefined : plainError(error.cause);
  return {
    type: error.name,
    message: error.message.split("\nparams:")[0],
    code,
    stack: placesOf(error),
    cause,
  };
}

/** The places of the stack alone: its head repeats the message. */
function placesOf(error: Error): string | undefined {
  return error.stack
    ?.split("\n")
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 6)
    .join("\n");
}
