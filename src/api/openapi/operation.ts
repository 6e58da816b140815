// One route in words and schemas. What it accepts comes from the schemas that validate it, and is not repeated here.
import type * as v from "valibot";
import type { ProblemCode } from "../messages.ts";
import type { Headers } from "./headers.ts";

type Schema = v.GenericSchema;
export type Tag = "runs" | "calls" | "leads" | "settings" | "carrier" | "operation";

export interface Operation {
  route: `${"GET" | "POST" | "PUT" | "DELETE"} /${string}`;
  /** The name that generated clients call it by. */
  id: string;
  tag: Tag;
  summary: string;
  description?: string;
  /** By status: a JSON schema, or the media type of something else. */
  answers: Record<
    number,
    | { is: string; json: Schema; example?: unknown }
    | { is: string; media: string | string[]; headers?: Headers }
    | { is: string }
  >;
  /** What an event stream's events say, by their names. */
  events?: Record<string, Schema>;
  /** Beside those that every route may answer. */
  problems?: readonly ProblemCode[];
  /** Who may: by default every role with the page calls_outbound. */
  access?: "managers" | "public" | "carrier";
  /** Names a run, which says whose it is: a system_admin need not name the business. */
  ofRun?: true;
  /** Takes an Idempotency-Key. */
  keyed?: true;
  /** A JSON body to look at. */
  sends?: unknown;
  /** A body that no validator describes, by media type. */
  body?: Record<string, object>;
}

export const ok = (is: string, json: Schema, example?: unknown): Operation["answers"] => ({
  200: { is, json, ...(example !== undefined && { example }) },
});

/** What a JSON body can be refused for, before its fields are looked at. */
export const BODY: readonly ProblemCode[] = [
  "request.malformed",
  "request.too_deep",
  "request.media_type",
  "request.too_large",
];
/** What naming a run in the path can be refused for. */
export const RUN: readonly ProblemCode[] = ["run.not_found", "request.invalid"];
/** What an Idempotency-Key can be refused for. */
export const ONCE: readonly ProblemCode[] = ["idempotency.in_flight", "idempotency.key_reused"];
