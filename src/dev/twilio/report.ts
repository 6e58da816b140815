// The observer's report, as tests, the chaos run and the benchmark read it.

import type { EndStatus } from "./call.ts";
import type { AfterMark } from "./marks.ts";

/** Figures since the start or the last reset. */
export interface Report {
  /** Authorised POSTs to Calls.json that arrived, whatever became of them. */
  totalCreates: number;
  /** Those that became a call: the phone rings. */
  accepted: number;
  liveNow: number;
  maxLive: number;
  /** Live calls by caller id, now and at most; caller ids with none are left out. */
  livePerFrom: Record<string, number>;
  maxLivePerFrom: Record<string, number>;
  /** Numbers with two or more calls. */
  tosCalledTwice: string[];
  /** Attempt tokens with two or more calls. */
  tokensUsedTwice: string[];
  /** Attempt tokens with two or more POSTs, accepted or not. */
  tokensPostedTwice: string[];
  afterMark: Record<string, AfterMark>;
  /** The most live calls at once within each group of numbers, and how many are live now. */
  groupMax: Record<string, number>;
  groupLive: Record<string, number>;
  endedByStatus: Record<EndStatus, number>;
  callbacks: {
    /** Status callbacks sent; a doubled one counts twice, a retry does not. */
    sent: number;
    /** Of these, those without a 2xx answer in the end. */
    failed: number;
    /** Sent a second time because no connection came about. */
    retried: number;
    /** Never sent, by a fault. */
    dropped: number;
    /** Due and not settled yet. */
    pending: number;
  };
  twiml: { fetched: number; failed: number };
  /** Other requests that arrived. */
  requests: { fetch: number; list: number; update: number };
  /** How often each fault struck, as in `create/hang`. */
  faults: Record<string, number>;
  /** Calls accepted within any window of one second, at most; and those dialled, which `cps` bounds. */
  maxStartsInAnySecond: number;
  maxDialledInAnySecond: number;
}
