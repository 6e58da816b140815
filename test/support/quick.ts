// That work grows with its input, and not with its square. The limit is no measure of speed: it is a thousand times what
// linear work on such an input takes, and a quadratic one is far beyond it.

import assert from "node:assert/strict";

/** Long enough that a quadratic pattern takes half a minute. */
export const LONG = 200_000;
const LIMIT_MS = 5_000;

export function assertQuick(what: string, work: () => unknown): void {
  const since = performance.now();
  work();
  const ms = performance.now() - since;
  assert.ok(ms < LIMIT_MS, `${what}: ${ms.toFixed()} ms`);
}
