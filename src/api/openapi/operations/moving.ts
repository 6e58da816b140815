// Starting runs, ending them, and getting them going again.
import type { ProblemCode } from "../../messages.ts";
import * as answers from "../answers.ts";
import { EXAMPLES, SENT } from "../examples.ts";
import { BODY, ok, type Operation, RUN } from "../operation.ts";

const START: readonly ProblemCode[] = [
  "lead.not_found",
  "run.nothing_to_call",
  "business.calls_disabled",
  "request.invalid",
  ...BODY,
];

/** Of a run that is there already. */
const MOVES: readonly ProblemCode[] = ["run.legacy", ...RUN];

export const MOVING: readonly Operation[] = [
  {
    route: "POST /api/outbound/bulk-enqueue",
    id: "enqueueRun",
    tag: "runs",
    summary: "Call these leads, in this order",
    description:
      "Creates a run. A lead that cannot be called is skipped, with the reason; nothing is created when nobody is left. " +
      "With only_uncalled, whoever was called by an earlier run is skipped as well.",
    keyed: true,
    sends: SENT.enqueue,
    answers: { 201: { is: "The run that was created", json: answers.Enqueued, example: EXAMPLES.enqueued } },
    problems: ["list.not_found", ...START],
  },
  {
    route: "POST /api/outbound_calls/start",
    id: "startCalls",
    tag: "runs",
    summary: "Call a few leads now",
    description: "Up to three leads: answers once each call was placed, or after ten seconds. More become a queue.",
    keyed: true,
    sends: SENT.start,
    answers: {
      200: { is: "What became of each call", json: answers.Started, example: EXAMPLES.started },
      201: { is: "A queue of more than three", json: answers.Queued },
    },
    problems: START,
  },
  {
    route: "POST /api/outbound/runs/:run_id/resume",
    ofRun: true,
    id: "resumeRun",
    tag: "runs",
    summary: "Let a failed run go on from its cursor",
    answers: ok("It goes on", answers.Resumed),
    problems: ["run.not_resumable", "business.calls_disabled", ...MOVES],
  },
  {
    route: "POST /api/outbound/runs/:run_id/call-cancelled",
    ofRun: true,
    id: "callCancelled",
    tag: "runs",
    summary: "Call those whom a stopped or cancelled run did not get to",
    description:
      "Creates a run of its cancelled leads, with the same list, concurrency and message. Whoever was called since the run " +
      "was made is skipped (`already_called`), so that asking twice calls nobody twice.",
    keyed: true,
    answers: { 201: { is: "The run that was created", json: answers.Enqueued, example: EXAMPLES.enqueued } },
    problems: [
      "run.not_cancelled",
      "run.nothing_to_call",
      "business.calls_disabled",
      "lead.not_found",
      "list.not_found",
      ...MOVES,
    ],
  },
  {
    route: "POST /api/outbound/stop-queue",
    ofRun: true,
    id: "stopRun",
    tag: "runs",
    summary: "Stop a run at once",
    description:
      "When this has answered, no further call of the run is placed. Live calls finish unless hang_up is true.",
    sends: SENT.stop,
    answers: ok("It has stopped, or had ended before", answers.Stopped),
    problems: [...MOVES, ...BODY],
  },
  {
    route: "POST /api/outbound_calls/jobs/:run_id/cancel",
    ofRun: true,
    id: "cancelRun",
    tag: "runs",
    summary: "Cancel a run before its next lead",
    answers: ok("It is being cancelled", answers.Said),
    problems: ["run.already_ended", ...MOVES],
  },
  {
    route: "POST /api/outbound_calls/jobs/:run_id/force-cancel",
    ofRun: true,
    id: "forceCancelRun",
    tag: "runs",
    summary: "Cancel a run at once, even with every worker dead",
    answers: ok("It is cancelled, or had ended before", answers.Stopped),
    problems: MOVES,
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
