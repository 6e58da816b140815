// How long this process has stood still: a busy machine stops it for as long as it likes, and what it was to do meanwhile
// comes late by that.
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Scope } from "./postgres.ts";

/** @returns tells the longest time, in milliseconds, since the call */
export function watchStalls(scope: Scope): () => number {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  scope.after(() => delay.disable());
  return () => delay.max / 1e6;
}
