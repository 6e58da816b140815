// Looking at runs and calls.
import * as answers from "../answers.ts";
import { EXAMPLES } from "../examples.ts";
import { DOWNLOAD } from "../headers.ts";
import { ok, type Operation, RUN } from "../operation.ts";

export const WATCHING: readonly Operation[] = [
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
    ofRun: true,
    id: "getRun",
    tag: "runs",
    summary: "One run, and what it waits for",
    answers: ok("The run", answers.WatchedRun, EXAMPLES.run),
    problems: RUN,
  },
  {
    route: "GET /api/outbound/runs/:run_id/jobs",
    ofRun: true,
    id: "listJobs",
    tag: "runs",
    summary: "The run's leads, in the order in which they are called",
    answers: ok("A page of jobs", answers.Jobs),
    problems: ["cursor.invalid", ...RUN],
  },
  {
    route: "GET /api/outbound/runs/:run_id/audit",
    ofRun: true,
    id: "listAudit",
    tag: "runs",
    summary: "Who did what when",
    answers: ok("A page of the audit trail, oldest first", answers.Audit),
    problems: ["cursor.invalid", ...RUN],
  },
  {
    route: "GET /api/outbound/runs/:run_id/events",
    ofRun: true,
    id: "watchRun",
    tag: "runs",
    summary: "Watch the run live",
    description:
      "Server-sent events: one `progress` at once, then one per change, at most four a second and always the last; `end` " +
      "when nothing more will change. The data of `progress` is the body of getRun. Read it with fetch: the token " +
      "belongs in a header. With Last-Event-ID nothing is sent until the state differs from the one that was seen.",
    answers: { 200: { is: "The stream", media: "text/event-stream" } },
    events: { progress: answers.WatchedRun, end: answers.RunEnd },
    problems: ["events.too_many", "events.unavailable", ...RUN],
  },
  {
    route: "GET /api/outbound/runs/:run_id/results.csv",
    ofRun: true,
    id: "exportResults",
    tag: "runs",
    summary: "The run's results as a file for spreadsheets",
    answers: {
      200: { is: "CSV in UTF-8 with its mark; titles in the language asked for", media: "text/csv", headers: DOWNLOAD },
    },
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
    ofRun: true,
    id: "getProgress",
    tag: "runs",
    summary: "A run's progress bar",
    answers: ok("Its progress", answers.Progress, EXAMPLES.progress),
    problems: RUN,
  },
  {
    route: "GET /api/outbound_calls/jobs/active",
    id: "getActiveProgress",
    tag: "runs",
    summary: "The active run's progress bar",
    answers: ok("Its progress", answers.Progress, EXAMPLES.progress),
    problems: ["run.none_active"],
  },
  {
    route: "GET /api/outbound/recent-calls",
    id: "listCalls",
    tag: "calls",
    summary: "Calls that were placed, newest first",
    answers: ok("A page of calls", answers.Calls, EXAMPLES.calls),
    problems: RUN,
  },
  {
    route: "GET /api/outbound_calls/counts",
    id: "getCounts",
    tag: "calls",
    summary: "Live calls, and how many may be at once",
    answers: ok("The counts", answers.Counts, EXAMPLES.counts),
  },
];
