// Long imports share the process with the API: whoever loops over rows asks here, and gives way when its time is up.

import { setImmediate } from "node:timers/promises";

/** Delays of 50 ms are noticed; a fifth of that leaves room for the slice of work between two askings. */
const TURN_MS = 10;

/** Ask after each row. A promise means: others are waiting, await it. Never a promise per row, which would cost more. */
export function turns(): () => Promise<void> | undefined {
  let since = performance.now();
  const giveWay = async () => {
    await setImmediate();
    since = performance.now();
  };
  return () => (performance.now() - since < TURN_MS ? undefined : giveWay());
}
