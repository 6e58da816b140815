// The Dialler on Twilio's own SDK.
import twilio from "twilio";
import { CarrierHttp, NotSent, sendGate, Unreachable } from "./carrierHttp.ts";
import type { CarrierCall, Dialler, DialRequest, DialResult } from "./dialler.ts";
import { refusalOf } from "./refusals.ts";

export interface TwilioAccount {
  accountSid: string;
  authToken: string;
  /** https://api.twilio.com, or a Twilio-compatible endpoint. */
  apiUrl: string;
  /** For each request as a whole. */
  timeoutMs: number;
}

/** Every progress event; Twilio's default is the last one alone. */
const EVENTS = ["initiated", "ringing", "answered", "completed"];
/** Calls between the same two numbers since a moment: there is hardly ever more than one. */
const LOOKUP_LIMIT = 100;
/** Twilio's times have whole seconds, and its clock is neither ours nor the database's: better too many calls to choose from. */
const CLOCK_SLACK_MS = 120_000;
const UNKNOWN_CALL = 20404;
const INVALID_STATE = 21220;

type SdkCall = Awaited<ReturnType<ReturnType<typeof twilio>["calls"]["create"]>>;

export function twilioDialler(account: TwilioAccount): Dialler {
  const httpClient = new CarrierHttp({ apiUrl: account.apiUrl, timeoutMs: account.timeoutMs });
  const client = twilio(account.accountSid, account.authToken, { httpClient, autoRetry: false });
  return {
    accountSid: account.accountSid,

    async dial(request, maySend) {
      try {
        const call = await sendGate.run(maySend, () => client.calls.create(parameters(request)));
        // A 201 with an empty body resolves, without a SID.
        if (typeof call.sid !== "string" || call.sid === "")
          return { kind: "ambiguous", message: "answered without a SID" };
        return { kind: "placed", sid: call.sid, status: call.status };
      } catch (error) {
        return dialFailure(error);
      }
    },

    async fetch(sid) {
      try {
        return carrierCall(await client.calls(sid).fetch());
      } catch (error) {
        // By Twilio's own code: a 404 of something in between says nothing about the call.
        if (refusal(error)?.code === UNKNOWN_CALL) return null;
        throw error;
      }
    },

    async find({ from, to, since, now }) {
      const aheadMs = now.getTime() - Date.now();
      const calls = await client.calls.list({ from, to, limit: LOOKUP_LIMIT });
      const behindMs = Math.max(0, aheadMs - httpClient.carrierAheadMs);
      const earliest = Math.min(since.getTime(), now.getTime()) - behindMs - CLOCK_SLACK_MS;
      // A queued call has no start time yet, so the carrier's own time filter would miss it.
      return calls.map(carrierCall).filter((call) => !(call.createdAt.getTime() < earliest));
    },

    async end(sid, as) {
      try {
        await client.calls(sid).update({ status: as });
        return true;
      } catch (error) {
        const code = refusal(error)?.code;
        if (code === INVALID_STATE || code === UNKNOWN_CALL) return false;
        throw error;
      }
    },
  };
}

function parameters(request: DialRequest) {
  return {
    from: request.from,
    to: request.to,
    url: request.voiceUrl,
    method: "POST",
    statusCallback: request.statusCallbackUrl,
    statusCallbackMethod: "POST",
    statusCallbackEvent: EVENTS,
    timeout: request.ringTimeoutSeconds,
    timeLimit: request.timeLimitSeconds,
  };
}

function dialFailure(error: unknown): DialResult {
  if (error instanceof NotSent) return { kind: "not_sent", message: error.message };
  if (error instanceof Unreachable)
    return { kind: "blocked", reason: "carrier", code: "unreachable", message: error.message };
  const refused = refusal(error);
  if (refused) return refusalOf(refused.status, refused.code, refused.message);
  return { kind: "ambiguous", message: error instanceof Error ? `${error.name}: ${error.message}` : "unknown failure" };
}

/** The SDK's RestException: the one kind of error that carries an HTTP status. */
function refusal(error: unknown): { status: number; code: number | undefined; message: string } | undefined {
  if (!(error instanceof twilio.RestException)) return undefined;
  return { status: error.status, code: error.code, message: error.message ?? `HTTP ${error.status}` };
}

const carrierCall = (call: SdkCall): CarrierCall => ({
  sid: call.sid,
  status: call.status,
  from: call.from,
  to: call.to,
  createdAt: call.dateCreated ?? new Date(Number.NaN),
  durationSeconds: call.duration === null || call.duration === undefined ? null : Number(call.duration),
});
