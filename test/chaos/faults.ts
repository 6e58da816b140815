// What the carrier does wrong in the fault drill, by rates. Whatever a request meets, it is decided within the settle
// time: the drill is about us, not about a carrier that hides calls for longer than we may wait.
import type { Fault } from "../../src/dev/twilio/faults.ts";

export const CARRIER_FAULTS: readonly Fault[] = [
  { on: "create", kind: "error", status: 429, rate: 0.008 },
  { on: "create", kind: "error", status: 500, rate: 0.008 },
  { on: "create", kind: "error", status: 500, at: "after", rate: 0.008 },
  { on: "create", kind: "error", status: 503, rate: 0.005 },
  { on: "create", kind: "hang", rate: 0.006 },
  { on: "create", kind: "hang", at: "after", rate: 0.01 },
  { on: "create", kind: "reset", rate: 0.006 },
  { on: "create", kind: "reset", at: "after", rate: 0.01 },
  { on: "create", kind: "no-sid", rate: 0.008 },
  { on: "create", kind: "html", rate: 0.008 },
  { on: "create", kind: "slow", ms: 400, rate: 0.04 },
  { on: "create", kind: "slow", at: "after", ms: 600, rate: 0.06 },
  { on: "callback", kind: "drop", rate: 0.05 },
  { on: "callback", kind: "double", ms: 150, rate: 0.08 },
  { on: "callback", kind: "delay", ms: 1_500, rate: 0.05 },
  { on: "callback", kind: "reorder", rate: 0.06 },
  { on: "callback", kind: "bad-signature", rate: 0.02 },
  { on: "fetch", kind: "error", status: 500, rate: 0.05 },
  { on: "fetch", kind: "hang", rate: 0.02 },
  { on: "list", kind: "error", status: 503, rate: 0.08 },
  { on: "list", kind: "hang", rate: 0.03 },
  { on: "list", kind: "html", rate: 0.03 },
  { on: "update", kind: "error", status: 503, rate: 0.1 },
  { on: "listing", kind: "lag", ms: 900, rate: 0.4 },
];
