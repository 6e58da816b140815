// What the API is built from. Everything that calls, counts or reads files comes in here, so that a test can replace it.
import type { Database, SecurityLog } from "../../db/tenant.ts";
import type { resumeRun } from "../runs/resume.ts";
import type { CleanedUp } from "../runs/cleanup.ts";
import type { callCancelled } from "../runs/callCancelled.ts";
import type { requestCancel } from "../runs/cancel.ts";
import type { enqueueRun } from "../runs/enqueue.ts";
import type { applyNews } from "../runs/news.ts";
import type { forceCancelRun, stopRun } from "../runs/stop.ts";
import type { Door } from "../../db/door.ts";
import type { Waiting } from "../runs/waiting.ts";
import type { Caller } from "./auth.ts";
import type { Feed } from "./feed.ts";
import type { Locale } from "./locale.ts";

export interface Log extends SecurityLog {
  info(fields: object, message: string): void;
}

/** The queue core: the verbs that the API passes a door to. */
export interface Queue {
  enqueueRun: typeof enqueueRun;
  callCancelled: typeof callCancelled;
  stopRun: typeof stopRun;
  forceCancelRun: typeof forceCancelRun;
  requestCancel: typeof requestCancel;
  resumeRun: typeof resumeRun;
  /** Bound to the process's limits. */
  cleanUpBusiness(door: Door): Promise<CleanedUp>;
  /** Bound to what the process knows of limits and carrier. */
  waitingFor(door: Door, runId: number): Promise<Waiting | null>;
  applyNews: typeof applyNews;
}

export interface ReadLead {
  phone_e164: string;
  name: string | null;
  first_name: string | null;
  last_name: string | null;
  notes: string | null;
  city: string | null;
}

/**
 * Turns a file or JSON rows into leads, in batches. Throws import.empty, import.no_phone_column, import.too_large,
 * import.unreadable; also while `batches` is being read.
 */
export type LeadsReader = (
  source: { kind: "file"; bytes: Uint8Array } | { kind: "rows"; rows: readonly unknown[] },
) => Promise<{
  /** What was taken for what, to show: field -> the column's title or 1-based number. */
  mapping: Partial<Record<string, string | number>>;
  batches: AsyncIterable<{ leads: ReadLead[]; errors: { row: number; code: string; value?: string }[] }>;
}>;

export interface ApiDeps {
  db: Database;
  /** Connections kept for webhooks, so that a rush of requests cannot keep Twilio waiting. Default: `db`. */
  webhookDb?: Database;
  log: Log;
  queue: Queue;
  readLeads: LeadsReader;
  /** Live changes. Undefined where nobody listens (no socket, no streams): watching then answers events.unavailable. */
  feed?: Feed;
  config: {
    jwt: {
      secret: string | undefined;
      jwksUrl: string | undefined;
      issuer: string | undefined;
      audience: string | undefined;
    };
    corsOrigins: string[];
    defaultLocale: Locale;
    callerId: string | undefined;
    maxCallsPerBusiness: number;
    /** Of one business, over all API processes. Default: rateLimit.ts. */
    requestsPerMinute?: number | undefined;
    /** How long a request waits while too many of its business are in progress. Default: inProgress.ts; tests wait less. */
    longestWaitMs?: number | undefined;
    /** How long a POST can be under way: stop and force-cancel answer only when none is left. */
    postStartBudgetMs: number;
    postTimeoutMs: number;
  };
  /** Undefined: no carrier is configured, and every webhook is refused. */
  carrier:
    | {
        authToken: string;
        /** Where the carrier reaches us, without a slash at the end; asked per request, as the port may not be known yet. */
        publicUrl: () => string;
      }
    | undefined;
}

export interface ApiEnv {
  Variables: { locale: Locale; caller: Caller };
}
