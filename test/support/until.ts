// Waiting for conditions instead of sleeping: tests are then as fast as the machine, and never too fast for it.
import { setTimeout as sleep } from "node:timers/promises";

const LOOK_EVERY_MS = 10;
const DEFAULT_WAIT_MS = 15_000;

/**
 * Resolves to the first value of `look` that is not undefined, false or null; rejects with `words` after the timeout.
 * A `look` that throws fails the wait at once.
 */
export async function until<T>(
  look: () => T | Promise<T>,
  words: string | (() => string | Promise<string>),
  timeoutMs = DEFAULT_WAIT_MS,
): Promise<Exclude<T, undefined | false | null>> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false && found !== null) return found as Exclude<T, undefined | false | null>;
    if (performance.now() > end)
      throw new Error(`not within ${timeoutMs} ms: ${typeof words === "string" ? words : await words()}`);
    await sleep(LOOK_EVERY_MS);
  }
}
