// What the carrier's books say of refills and of slots in use. Pure: events and calls in, figures out.
import type { StandInEvent } from "../../../src/dev/twilio/events.ts";
import type { CallView } from "../../../src/dev/twilio/observer.ts";

/**
 * From each `completed` that the carrier sent to the next call it received of that caller id, in milliseconds. Several
 * slots free at once are refilled in the order in which they became free; first calls and last ends count for nothing.
 */
export function refillGaps(events: readonly StandInEvent[]): number[] {
  const free = new Map<string, number[]>();
  const gaps: number[] = [];
  for (const { kind, event, from = "", atMs } of events) {
    const since = free.get(from) ?? [];
    free.set(from, since);
    if (kind === "callback.sent" && event === "completed") since.push(atMs);
    if (kind !== "create.arrived") continue;
    const freed = since.shift();
    if (freed !== undefined) gaps.push(atMs - freed);
  }
  return gaps;
}

/**
 * The share of slot time with a live call, over all caller ids: from each one's first call to its last, which is how long
 * it had leads waiting.
 */
export function slotUse(calls: readonly CallView[], slots: number): number {
  let [busyMs, slotMs] = [0, 0];
  for (const own of Map.groupBy(calls, (call) => call.from).values()) {
    const created = own.map((call) => call.createdMs);
    const [from, to] = [Math.min(...created), Math.max(...created)];
    slotMs += (to - from) * slots;
    for (const { createdMs, endMs } of own) busyMs += Math.min(endMs ?? to, to) - createdMs;
  }
  return busyMs / slotMs;
}
