// The log: one JSON line per sentence. Phone numbers and secrets are taken out by value, whatever path they came on.
import pino from "pino";
import { placesOf, redact, withoutParameters } from "./redact.ts";

export type Logger = pino.Logger;

export function createLogger(level: string, out: { write(line: string): unknown } = process.stderr): Logger {
  return pino(
    { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: plainError } },
    { write: (line: string) => void out.write(redact(line)) },
  );
}

const STACK_LINES = 6;

/** Postgres puts whole rows into `detail`, and Drizzle the parameters into the message: neither is for a log. */
function plainError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? error.code : undefined;
  const cause = error.cause === undefined ? undefined : plainError(error.cause);
  return {
    type: error.name,
    message: withoutParameters(error.message),
    code,
    stack: placesOf(error.stack).slice(0, STACK_LINES).join("\n"),
    cause,
  };
}
