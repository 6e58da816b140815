// What a test may ask of the stand-in and tell it: the same methods in the process and over HTTP.

import type { Call, Status } from "./call.ts";
import type { StandInEvent } from "./events.ts";
import type { Fault } from "./faults.ts";
import type { HoldRule } from "./holds.ts";
import type { MarkRule } from "./marks.ts";
import type { Report } from "./report.ts";
import type { Match } from "./rules.ts";
import type { ScriptRule } from "./scripts.ts";

/** A call as the observer shows it. Times are epoch milliseconds, null when it has not happened. */
export interface CallView {
  sid: string;
  to: string;
  from: string;
  token: string | null;
  status: Status;
  createdMs: number;
  startMs: number | null;
  answerMs: number | null;
  endMs: number | null;
  /** The TwiML that the call was answered with, once fetched. */
  twiml: string | null;
}

export interface CallFilter extends Match {
  status?: Status;
  token?: string;
  /** At most so many, the newest. */
  limit?: number;
}

/** Creates that wait for a test. */
export interface Hold {
  /** How many wait now. */
  waiting(): Promise<number>;
  /** Resolves once so many wait; rejects after the timeout. */
  reached(count: number, timeoutMs?: number): Promise<void>;
  /** Lets the first `count` go and holds on; without a count, lets all go and ends the hold. Resolves to how many went. */
  release(count?: number): Promise<number>;
}

export interface Observer {
  report(): Promise<Report>;
  /** Forgets figures, marks, groups and events; calls, scripts and faults stay. */
  resetReport(): Promise<void>;
  /** Replaces the script rules; live calls go on as they were. */
  setScripts(rules: readonly ScriptRule[]): Promise<void>;
  /** Replaces the faults and starts their counters anew; rejects for a fault that does not exist. */
  setFaults(faults: readonly Fault[]): Promise<void>;
  addFaults(faults: readonly Fault[]): Promise<void>;
  /** From this instant on no create for these numbers, or of this caller id, may arrive: see `report().afterMark[label]`. */
  mark(label: string, rule?: MarkRule): Promise<void>;
  /** Watches the most live calls at once among these numbers: see `report().groupMax[label]`. */
  group(label: string, tos: readonly string[]): Promise<void>;
  /** In the order of acceptance. */
  calls(filter?: CallFilter): Promise<CallView[]>;
  /** `[second since the epoch, most live calls at once in it]` of a caller id, for the last hour. */
  timeline(from: string): Promise<[second: number, live: number][]>;
  /** The remembered events (20,000) after this sequence number, oldest first. */
  events(afterSeq?: number): Promise<StandInEvent[]>;
  /** Makes matching creates wait. */
  holdCreates(rule?: HoldRule): Promise<Hold>;
  /** Resolves to the first report that satisfies the predicate; rejects with the last one after the timeout (default 5 s). */
  waitFor(predicate: (report: Report) => boolean, timeoutMs?: number): Promise<Report>;
  /** Resolves to the first event, remembered or to come, that satisfies the predicate; rejects after the timeout. */
  waitForEvent(predicate: (event: StandInEvent) => boolean, timeoutMs?: number): Promise<StandInEvent>;
}

export const DEFAULT_WAIT_MS = 20_000;

export function callView(call: Call): CallView {
  return {
    sid: call.sid,
    to: call.to,
    from: call.from,
    token: call.token ?? null,
    status: call.status,
    createdMs: call.createdMs,
    startMs: call.startMs || null,
    answerMs: call.answerMs || null,
    endMs: call.endMs || null,
    twiml: call.twiml ?? null,
  };
}
