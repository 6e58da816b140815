// Signals, and the end of the process: the only module beside main.ts that ends it.
import type { Logger } from "./log.ts";
import { redact, withoutParameters } from "./redact.ts";

/** Everything in order within this; then the process ends whatever is left. */
export const DRAIN_MS = 9_000;
/** After an orderly end, for streams to flush. */
const HARD_LIMIT_MS = DRAIN_MS + 1_000;

const ECHO_MS = 500;

/** SIGHUP: the terminal was closed. */
const END_SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** @returns takes the listeners away again */
function onEndSignals(handle: (signal: NodeJS.Signals, nth: number) => void): () => void {
  let nth = 0;
  let latest: { signal: NodeJS.Signals; at: number } | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const at = performance.now();
    // Make forwards what the terminal sends to the whole group anyway: the same signal twice in a moment is one.
    if (latest?.signal === signal && at - latest.at < ECHO_MS) return;
    latest = { signal, at };
    // A closed terminal takes no more lines, which must not cut the orderly end short.
    if (signal === "SIGHUP") for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
    handle(signal, ++nth);
  };
  for (const signal of END_SIGNALS) process.on(signal, onSignal);
  return () => {
    for (const signal of END_SIGNALS) process.removeListener(signal, onSignal);
  };
}

export interface EndWishes {
  /** Aborted by the first signal: end what you do in good order. */
  stop: AbortSignal;
  /** Aborted by the second: drop it, and close what you opened. */
  leave: AbortSignal;
  /** From now on signals do what they always do. */
  forget(): void;
}

/** For a command that ends by itself. The third signal ends the process, whatever is left. */
export function endWishes(): EndWishes {
  const stop = new AbortController();
  const leave = new AbortController();
  const forget = onEndSignals((_, nth) => {
    if (nth === 1) stop.abort();
    else if (nth === 2) leave.abort();
    else process.exit(1);
  });
  return { stop: stop.signal, leave: leave.signal, forget };
}

/**
 * Runs `stop` once on SIGTERM, SIGINT or SIGHUP and ends the process: 0 when it went well. A second signal ends it at once.
 * @returns a promise that is pending until then: what a long-running command awaits
 */
export function untilSignal(log: Logger, stop: (graceMs: number) => Promise<void>): Promise<never> {
  onEndSignals((signal, nth) => {
    if (nth > 1) {
      log.warn(`${signal} again: ending at once`);
      process.exit(1);
    }
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
  });
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
