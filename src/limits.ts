// From the configuration to what the queue works with.
import type { Config } from "./config.ts";
import type { Limits } from "./runs/engine.ts";

/** Twilio's own default for new accounts. */
const DEFAULT_CALLS_PER_SECOND = 1;

/** `standIn`: the built-in carrier, which needs no pacing unless TWILIO_CPS asks for it. */
export function limitsOf(config: Config, standIn: boolean): Limits {
  return {
    maxCallsPerBusiness: config.maxCallsPerBusiness,
    callsPerSecond: config.callsPerSecond ?? (standIn ? Infinity : DEFAULT_CALLS_PER_SECOND),
    ringTimeoutSeconds: config.ringTimeoutSeconds,
    callTimeLimitSeconds: config.callTimeLimitSeconds,
    heartbeatMs: config.heartbeatMs,
    adoptAfterMs: config.adoptAfterMs,
    runTtlMs: config.runTtlMs,
    afterTtl: config.afterTtl,
    postStartBudgetMs: config.postStartBudgetMs,
    postTimeoutMs: config.postTimeoutMs,
    lookupGapMs: config.lookupGapMs,
    settleMs: config.settleMs,
    callNewsMs: config.callNewsMs,
  };
}
