// Signals, and the end of the process: the only module beside main.ts that ends it.
import type { Logger } from "./log.ts";
import { redact, withoutParameters } from "./redact.ts";

/** Everything in order within this; then the process ends whatever is left. */
export const DRAIN_MS = 9_000;
/** After an orderly end, for streams to flush. */
const HARD_LIMIT_MS = DRAIN_MS + 1_000;

const ECHO_MS = 500;

/**
 * Runs `stop` once on SIGTERM or SIGINT and ends the process: 0 when it went well. A second signal ends it at once.
 * @returns a promise that is pending until then: what a long-running command awaits
 */
export function untilSignal(log: Logger, stop: (graceMs: number) => Promise<void>): Promise<never> {
  let stopping = false;
  let asked = 0;
  let first: NodeJS.Signals | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping) {
      // Make forwards what the terminal sends to the whole group anyway: the same signal twice in a moment is one.
      if (signal === first && performance.now() - asked < ECHO_MS) return;
      log.warn(`${signal} again: ending at once`);
      process.exit(1);
    }
    stopping = true;
    asked = performance.now();
    first = signal;
    log.info(`${signal}: draining`);
    setTimeout(() => {
      log.error("draining took too long: ending");
      process.exit(1);
    }, HARD_LIMIT_MS).unref();
    stop(DRAIN_MS).then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, "draining failed");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  return new Promise<never>(() => {
    // Keeps the event loop alive even while nothing else does.
    setInterval(() => {}, 2 ** 30);
  });
}

/**
 * An error that nobody caught ends the process, as always, but is not shown as Node would: with all that hangs on it,
 * connections, their keys and values included.
 */
export function showStrayErrorsPlainly(): void {
  process.on("uncaughtException", (error) => {
    process.stderr.write(`${redact(withoutParameters(error.stack ?? String(error)))}\n`);
    process.exit(1);
  });
}
