// From a form body to a call that Twilio would accept, or to the error that Twilio would answer.

import type { CallbackEvent, CreateRequest } from "./call.ts";
import { problem, type TwilioProblem } from "./problems.ts";

const E164 = /^\+[1-9]\d{6,14}$/;
const EVENTS: readonly string[] = ["initiated", "ringing", "answered", "completed"];
/** Twilio's defaults and upper bounds, in seconds. */
const TIMEOUT = { default: 60, max: 600 };
const TIME_LIMIT = { default: 14_400, max: 86_400 };

/** The request with Twilio's defaults, or the problem to answer. `callerIds` empty means that any From will do. */
export function parseCreate(form: URLSearchParams, callerIds: ReadonlySet<string>): CreateRequest | TwilioProblem {
  const value = (name: string): string | undefined => form.get(name) || undefined;
  const to = value("To");
  const from = value("From");
  const [url, twiml, statusCallback] = [value("Url"), value("Twiml"), value("StatusCallback")];
  if (!to) return problem(400, 21201, "No 'To' number is specified");
  if (!from) return problem(400, 21213, "A 'From' phone number is required.");
  if (!url && !twiml) return problem(400, 21205, "Url parameter is required.");
  if (url && !isHttpUrl(url)) return problem(400, 21205, `Url is not a valid URL: ${url}`);
  if (!E164.test(to)) return problem(400, 21211, `The phone number you are attempting to call, ${to}, is not valid.`);
  if (!E164.test(from)) return problem(400, 21212, `The source phone number provided, ${from}, is not valid.`);
  if (callerIds.size > 0 && !callerIds.has(from)) return problem(400, 21210);
  if (statusCallback && !isHttpUrl(statusCallback)) {
    return problem(400, 21609, `The StatusCallback URL ${statusCallback} is not a valid URL.`);
  }
  const events = form.getAll("StatusCallbackEvent");
  const unknown = events.filter((event) => !EVENTS.includes(event));
  if (unknown.length > 0) return problem(400, 21626, `Invalid StatusCallbackEvent(s): ${unknown.join(", ")}`);
  const timeout = seconds(value("Timeout"), TIMEOUT);
  const timeLimit = seconds(value("TimeLimit"), TIME_LIMIT);
  if (timeout === undefined) return problem(400, 20001, "Invalid parameter: Timeout");
  if (timeLimit === undefined) return problem(400, 20001, "Invalid parameter: TimeLimit");
  return {
    to,
    from,
    url,
    method: value("Method") === "GET" ? "GET" : "POST",
    twiml,
    statusCallback,
    statusCallbackMethod: value("StatusCallbackMethod") === "GET" ? "GET" : "POST",
    statusCallbackEvents: new Set((events.length > 0 ? events : ["completed"]) as CallbackEvent[]),
    timeout,
    timeLimit,
    token: tokenOf(statusCallback),
  };
}

/** The `token` query parameter of a URL, if it is one and has one. */
export function tokenOf(url: string | undefined): string | undefined {
  if (!url || !URL.canParse(url)) return undefined;
  return new URL(url).searchParams.get("token") ?? undefined;
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

function seconds(text: string | undefined, bounds: { default: number; max: number }): number | undefined {
  if (text === undefined) return bounds.default;
  return /^\d+$/.test(text) ? Math.min(Number(text), bounds.max) : undefined;
}
