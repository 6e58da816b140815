// What Twilio's error codes mean for a lead. Pure. Source: Twilio's error dictionary and its pages on POST Calls.
import type { DialResult } from "./dialler.ts";

/** This number cannot be called, now or later: invalid, unreachable, not a phone, blocked. */
const PERMANENT = new Set([21211, 21214, 21217, 13224, 13225]);
/** Not allowed for this destination by the account's policy: it fails the lead, others may go through. */
const POLICY = new Set([21215, 21216, 21219]);
/** The voice URL, the deployment's or the business's own: every lead that is called with it would meet it. */
const VOICE_URL = new Set([21205]);
/** The caller id: every lead of the business that shows it would meet it. */
const CALLER_ID = new Set([21210, 21212, 21213]);
/** The account: credentials, suspension, rights. */
const ACCOUNT = new Set([20003, 20005, 20403]);
const TOO_MANY_REQUESTS = 20429;

/** An answer with a status other than 2xx -> what becomes of the dial. `code` is Twilio's, undefined when it gave none. */
export function refusalOf(status: number, code: number | undefined, message: string): DialResult {
  const named = { code: String(code ?? `http_${status}`), message };
  if (status === 429 || code === TOO_MANY_REQUESTS) return { kind: "throttled", ...named };
  if (status >= 500) return { kind: "ambiguous", message: `HTTP ${status}`, code: named.code };
  if (status === 408 || status < 400) return { kind: "ambiguous", message: `HTTP ${status}` };
  if (code !== undefined) {
    if (PERMANENT.has(code) || POLICY.has(code)) return { kind: "rejected", ...named, known: true };
    if (VOICE_URL.has(code)) return { kind: "blocked", reason: "voice_url", ...named };
    if (CALLER_ID.has(code)) return { kind: "blocked", reason: "caller_id", ...named };
    if (ACCOUNT.has(code)) return { kind: "blocked", reason: "carrier", ...named };
  }
  if (status === 401) return { kind: "blocked", reason: "carrier", ...named };
  return { kind: "rejected", ...named, known: false };
}
