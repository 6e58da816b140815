// How a stand-in is set up; everything is JSON, so that the same options serve a process of its own.

import type { Fault } from "./faults.ts";
import type { Preset, ScriptRule } from "./scripts.ts";

export interface StandInOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /** Default: any free port. */
  port?: number;
  accountSid?: string;
  authToken?: string;
  /** The numbers that the account may call from; without them any will do. */
  callerIds?: readonly string[];
  /** Times and outcomes of calls without a script of their own. Default `realistic`. */
  preset?: Preset;
  /** Seed of all chance: outcomes, times, random faults. Default 1. */
  seed?: number;
  scripts?: readonly ScriptRule[];
  faults?: readonly Fault[];
  /** Calls dialled per second; the others stay `queued`. Default: no limit. */
  cps?: number;
  /** Milliseconds until a new call appears in lists. Default 0. */
  listLagMs?: number;
}

export const DEFAULT_ACCOUNT_SID = `AC${"5".repeat(32)}`;
export const DEFAULT_AUTH_TOKEN = "5".repeat(32);
