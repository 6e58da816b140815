// One call as the stand-in keeps it, and as Twilio's Call resource shows it.

import { randomBytes } from "node:crypto";
import type { Script } from "./scripts.ts";

export type EndStatus = "completed" | "busy" | "no-answer" | "failed" | "canceled";
export type Status = "queued" | "ringing" | "in-progress" | EndStatus;
export type CallbackEvent = "initiated" | "ringing" | "answered" | "completed";

/** What a valid POST to Calls.json asked for, with Twilio's defaults filled in. */
export interface CreateRequest {
  to: string;
  from: string;
  url: string | undefined;
  method: "GET" | "POST";
  twiml: string | undefined;
  statusCallback: string | undefined;
  statusCallbackMethod: "GET" | "POST";
  statusCallbackEvents: ReadonlySet<CallbackEvent>;
  /** Seconds of ringing before `no-answer`. */
  timeout: number;
  /** Seconds of talk before Twilio hangs up. */
  timeLimit: number;
  /** The `token` query parameter of the status callback URL. */
  token: string | undefined;
}

/** What only a live call needs; dropped when its last callback is out, so that ended calls stay small. */
export interface Live {
  request: CreateRequest;
  script: Script;
  timer: NodeJS.Timeout | undefined;
  sequence: number;
  /** Callbacks of one call leave one after the other. */
  callbacks: Promise<void>;
  /** A callback held back until the next one has gone, by the `reorder` fault. */
  heldBack: (() => Promise<void>) | undefined;
}

/** Times are epoch milliseconds, 0 when it has not happened. */
export interface Call {
  readonly sid: string;
  readonly to: string;
  readonly from: string;
  readonly token: string | undefined;
  /** Place in the order of acceptance, from 0. */
  readonly index: number;
  readonly createdMs: number;
  /** When the call first appears in lists. */
  readonly listedMs: number;
  status: Status;
  startMs: number;
  answerMs: number;
  endMs: number;
  twiml: string | undefined;
  live: Live | undefined;
}

/** A SID that no other run of the stand-in has used: random, not seeded, because databases outlive the process. */
export function newCallSid(): string {
  return `CA${randomBytes(16).toString("hex")}`;
}

export function isEnd(status: Status): status is EndStatus {
  return status !== "queued" && status !== "ringing" && status !== "in-progress";
}

/** Whole seconds of talk. */
export function durationSeconds(call: Call): number {
  return call.answerMs && call.endMs ? Math.round((call.endMs - call.answerMs) / 1000) : 0;
}

/** RFC 2822 as Twilio writes it, in whole seconds: `Tue, 31 Aug 2010 20:36:28 +0000`. */
export function rfc2822(ms: number): string {
  return new Date(ms).toUTCString().replace("GMT", "+0000");
}

const SUBRESOURCES = {
  notifications: "Notifications",
  recordings: "Recordings",
  payments: "Payments",
  events: "Events",
  siprec: "Siprec",
  streams: "Streams",
  transcriptions: "Transcriptions",
  user_defined_message_subscriptions: "UserDefinedMessageSubscriptions",
  user_defined_messages: "UserDefinedMessages",
};

/** Twilio's Call resource, field by field. */
export function callResource(call: Call, accountSid: string): Record<string, unknown> {
  const base = `/2010-04-01/Accounts/${accountSid}/Calls/${call.sid}`;
  const date = (ms: number): string | null => (ms ? rfc2822(ms) : null);
  return {
    sid: call.sid,
    date_created: rfc2822(call.createdMs),
    date_updated: rfc2822(call.endMs || call.answerMs || call.startMs || call.createdMs),
    parent_call_sid: null,
    account_sid: accountSid,
    to: call.to,
    to_formatted: call.to,
    from: call.from,
    from_formatted: call.from,
    phone_number_sid: null,
    status: call.status,
    start_time: date(call.startMs),
    end_time: date(call.endMs),
    duration: call.endMs ? String(durationSeconds(call)) : null,
    price: null,
    price_unit: "USD",
    direction: "outbound-api",
    answered_by: null,
    annotation: null,
    api_version: "2010-04-01",
    forwarded_from: null,
    group_sid: null,
    caller_name: null,
    queue_time: "0",
    trunk_sid: null,
    uri: `${base}.json`,
    subresource_uris: Object.fromEntries(
      Object.entries(SUBRESOURCES).map(([key, name]) => [key, `${base}/${name}.json`]),
    ),
  };
}
