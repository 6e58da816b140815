// What each route does, answers and refuses, in words and schemas: one row per route. What it accepts comes from the
// schemas that validate it, and is not repeated here.
import type * as v from "valibot";
import type { ProblemCode } from "../messages.ts";
import * as answers from "./answers.ts";
import { EXAMPLES } from "./examples.ts";

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
    { is: string; json: Schema; example?: unknown } | { is: string; media: string } | { is: string }
  >;
  /** Beside those that every route may answer. */
  problems?: readonly ProblemCode[];
  /** Who may: by default every role with the page calls_outbound. */
  access?: "managers" | "public" | "carrier";
  /** A body that no validator describes, by media type. */
  body?: Record<string, object>;
}

const ok = (is: string, json: Schema, example?: unknown): Operation["answers"] => ({
  200: { is, json, ...(example !== undefined && { example }) },
});
const binary = { type: "string", contentMediaType: "application/octet-stream" };
const BODY: readonly ProblemCode[] = [
  "request.malformed",
  "request.too_deep",
  "request.media_type",
  "request.too_large",
];
const START: readonly ProblemCode[] = [
  "lead.not_found",
  "run.nothing_to_call",
  "business.calls_disabled",
  "request.invalid",
  ...BODY,
];
const RUN: readonly ProblemCode[] = ["run.not_found", "request.invalid"];

const runs: Operation[] = [
  {
    route: "POST /api/outbound/bulk-enqueue",
    id: "enqueueRun",
    tag: "runs",
    summary: "Call these leads, in this order",
    description:
      "Creates a run. A lead that cannot be called is skipped, with the reason; nothing is created when nobody is left.",
    answers: { 201: { is: "The run that was created", json: answers.Enqueued, example: EXAMPLES.enqueued } },
    problems: ["list.not_found", ...START],
  },
  {
    route: "POST /api/outbound_calls/start",
    id: "startCalls",
    tag: "runs",
    summary: "Call a few leads now",
    description: "Up to three leads: answers once each call was placed, or after ten seconds. More become a queue.",
    answers: {
      200: { is: "What became of each call", json: answers.Started, example: EXAMPLES.started },
      201: { is: "A queue of more than three", json: answers.Queued },
    },
    problems: START,
  },
  {
    route: "GET /api/outbound/runs",
    id: "listRuns",
    tag: "runs",
    summary: "The business's runs, newest first",
    answers: ok("A page of runs", answers.Runs),
    problems: ["request.invalid", "cursor.invalid"],
  },
  {
    route: "GET /api/outbound/runs/:run_id",
    id: "getRun",
    tag: "runs",
    summary: "One run, and what it waits for",
    answers: ok("The run", answers.WatchedRun, EXAMPLES.run),
    problems: RUN,
  },
  {
    route: "GET /api/outbound/runs/:run_id/jobs",
    id: "listJobs",
    tag: "runs",
    summary: "The run's leads, in the order in which they are called",
    answers: ok("A page of jobs", answers.Jobs),
    problems: ["cursor.invalid", ...RUN],
  },
  {
    route: "GET /api/outbound/runs/:run_id/audit",
    id: "listAudit",
    tag: "runs",
    summary: "Who did what when",
    answers: ok("A page of the audit trail, oldest first", answers.Audit),
    problems: ["cursor.invalid", ...RUN],
  },
  {
    route: "GET /api/outbound/runs/:run_id/events",
    id: "watchRun",
    tag: "runs",
    summary: "Watch the run live",
    description:
      "Server-sent events: one `progress` at once, then one per change, at most four a second and always the last; `end` " +
      "when nothing more will change. The data of `progress` is the body of getRun. Read it with fetch: the token " +
      "belongs in a header. With Last-Event-ID nothing is sent until the state differs from the one that was seen.",
    answers: { 200: { is: "The stream", media: "text/event-stream" } },
    problems: ["events.too_many", "events.unavailable", ...RUN],
  },
  {
    route: "GET /api/outbound/runs/:run_id/results.csv",
    id: "exportResults",
    tag: "runs",
    summary: "The run's results as a file for spreadsheets",
    answers: { 200: { is: "CSV in UTF-8 with its mark; titles in the language asked for", media: "text/csv" } },
    problems: RUN,
  },
  {
    route: "POST /api/outbound/runs/:run_id/resume",
    id: "resumeRun",
    tag: "runs",
    summary: "Let a failed run go on from its cursor",
    answers: ok("It goes on", answers.Resumed),
    problems: ["run.not_resumable", "business.calls_disabled", ...RUN],
  },
  {
    route: "POST /api/outbound/stop-queue",
    id: "stopRun",
    tag: "runs",
    summary: "Stop a run at once",
    description:
      "When this has answered, no further call of the run is placed. Live calls finish unless hang_up is true.",
    answers: ok("It has stopped, or had ended before", answers.Stopped),
    problems: [...RUN, ...BODY],
  },
  {
    route: "POST /api/outbound_calls/jobs/:run_id/cancel",
    id: "cancelRun",
    tag: "runs",
    summary: "Cancel a run before its next lead",
    answers: ok("It is being cancelled", answers.Said),
    problems: ["run.already_ended", ...RUN],
  },
  {
    route: "POST /api/outbound_calls/jobs/:run_id/force-cancel",
    id: "forceCancelRun",
    tag: "runs",
    summary: "Cancel a run at once, even with every worker dead",
    answers: ok("It is cancelled, or had ended before", answers.Stopped),
    problems: RUN,
  },
  {
    route: "GET /api/outbound/bulk/active",
    id: "getActiveRun",
    tag: "runs",
    summary: "The run that the page's banner shows",
    answers: ok("The newest run that may still dial, if there is one", answers.Active),
  },
  {
    route: "GET /api/outbound_calls/jobs/:run_id/status",
    id: "getProgress",
    tag: "runs",
    summary: "A run's progress bar",
    answers: ok("Its progress", answers.Progress),
    problems: RUN,
  },
  {
    route: "GET /api/outbound_calls/jobs/active",
    id: "getActiveProgress",
    tag: "runs",
    summary: "The active run's progress bar",
    answers: ok("Its progress", answers.Progress),
    problems: ["run.none_active"],
  },
  {
    route: "POST /api/outbound/cleanup-stuck-jobs",
    id: "cleanUp",
    tag: "runs",
    summary: "End the business's stuck runs",
    access: "managers",
    answers: ok("How many there were", answers.CleanedUp),
    problems: ["cleanup.too_soon"],
  },
];

const calls: Operation[] = [
  {
    route: "GET /api/outbound/recent-calls",
    id: "listCalls",
    tag: "calls",
    summary: "Calls that were placed, newest first",
    answers: ok("A page of calls", answers.Calls),
    problems: RUN,
  },
  {
    route: "GET /api/outbound_calls/counts",
    id: "getCounts",
    tag: "calls",
    summary: "Live calls, and how many may be at once",
    answers: ok("The counts", answers.Counts),
  },
];

const leads: Operation[] = [
  {
    route: "POST /api/outbound/import-leads",
    id: "importLeads",
    tag: "leads",
    summary: "Import leads from a file or as rows",
    description:
      "CSV or XLSX, UTF-8 or Windows-1255; only a column with phone numbers is required. All of it is kept, or nothing.",
    access: "managers",
    answers: ok("The list that was made", answers.Imported, EXAMPLES.imported),
    problems: [
      "import.empty",
      "import.no_phone_column",
      "import.too_large",
      "import.unreadable",
      "import.nothing_imported",
      "request.invalid",
      ...BODY,
    ],
    body: {
      "multipart/form-data": {
        type: "object",
        required: ["file"],
        properties: { file: binary, list_name: { type: "string", maxLength: 255 } },
      },
      "application/json": {
        type: "object",
        required: ["rows"],
        properties: {
          rows: { type: "array", minItems: 1, items: { type: "object", additionalProperties: true } },
          list_name: { type: "string", maxLength: 255 },
        },
      },
    },
  },
  {
    route: "GET /api/outbound/import-leads",
    id: "listLeads",
    tag: "leads",
    summary: "Imported leads",
    answers: ok("A page of leads", answers.Leads),
    problems: ["list.not_found", "request.invalid"],
  },
  {
    route: "GET /api/outbound/import-lists",
    id: "listLists",
    tag: "leads",
    summary: "Imported lists",
    answers: ok("All of them, newest first", answers.Lists),
  },
  {
    route: "DELETE /api/outbound/import-leads/:lead_id",
    id: "deleteLead",
    tag: "leads",
    summary: "Delete an imported lead",
    access: "managers",
    answers: ok("It is gone", answers.Said),
    problems: ["lead.not_found", "lead.not_imported", "lead.has_calls", "request.invalid"],
  },
  {
    route: "POST /api/outbound/import-leads/bulk-delete",
    id: "deleteLeads",
    tag: "leads",
    summary: "Delete imported leads",
    description:
      "Named leads: all of them, or none. With delete_all every imported lead without a call; the others stay.",
    access: "managers",
    answers: ok("They are gone", answers.Deleted),
    problems: ["lead.not_found", "lead.not_imported", "lead.has_calls", "request.invalid", ...BODY],
  },
];

const settings: Operation[] = [
  {
    route: "GET /api/outbound/settings",
    id: "getSettings",
    tag: "settings",
    summary: "What the business chose for its calls",
    answers: ok("Its choices, beside the defaults", answers.Settings),
  },
  {
    route: "PUT /api/outbound/settings",
    id: "changeSettings",
    tag: "settings",
    summary: "Change what is named; null goes back to the default",
    access: "managers",
    answers: ok("The choices as they are now", answers.Settings),
    problems: ["request.invalid", ...BODY],
  },
];

const form = { "application/x-www-form-urlencoded": { type: "object", additionalProperties: { type: "string" } } };
const rest: Operation[] = [
  {
    route: "POST /webhooks/twilio/status",
    id: "callStatus",
    tag: "carrier",
    summary: "News of a call",
    access: "carrier",
    body: form,
    answers: { 204: { is: "Stored, or of no interest" } },
    problems: ["request.malformed", "request.too_large"],
  },
  {
    route: "POST /webhooks/twilio/voice",
    id: "callWords",
    tag: "carrier",
    summary: "What an answered call says",
    access: "carrier",
    body: form,
    answers: { 200: { is: "TwiML", media: "text/xml" } },
    problems: ["request.too_large"],
  },
  {
    route: "GET /livez",
    id: "isAlive",
    tag: "operation",
    summary: "Whether the process lives",
    access: "public",
    answers: ok("It does", answers.Alive),
  },
  {
    route: "GET /readyz",
    id: "isReady",
    tag: "operation",
    summary: "Whether it may be sent requests",
    description:
      "503 when the database does not answer, lacks migrations, or the connection for live changes is down. No live worker " +
      "(`workers: 0`) is no reason: stop and cancel work without one, and must stay within reach.",
    access: "public",
    answers: ok("It may", answers.Ready),
    problems: ["database.unavailable", "database.outdated", "events.unavailable"],
  },
  {
    route: "GET /metrics",
    id: "getMetrics",
    tag: "operation",
    summary: "Figures for Prometheus",
    access: "public",
    answers: { 200: { is: "The text format", media: "text/plain" } },
  },
  {
    route: "GET /openapi.json",
    id: "getDocument",
    tag: "operation",
    summary: "This document",
    access: "public",
    answers: { 200: { is: "OpenAPI 3.1", media: "application/json" } },
  },
  {
    route: "GET /docs",
    id: "readDocument",
    tag: "operation",
    summary: "This document as a page",
    access: "public",
    answers: { 200: { is: "The page", media: "text/html" } },
  },
  {
    route: "GET /docs/:file",
    id: "getDocsFile",
    tag: "operation",
    summary: "What the page loads",
    access: "public",
    answers: { 200: { is: "A script or style sheet", media: "text/javascript" } },
    problems: ["route.not_found"],
  },
];

export const OPERATIONS: readonly Operation[] = [...runs, ...calls, ...leads, ...settings, ...rest];
