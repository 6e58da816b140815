// What the carrier's books say of refills and of slots in use. Pure: events and calls in, figures out.
import type { StandInEvent } from "../../../src/dev/twilio/events.ts";
import type { CallView } from "../../../src/dev/twilio/observer.ts";

/** A slot that became free, and the call that filled it: the carrier's own events. */
export interface Refill {
  ended: StandInEvent;
  next: StandInEvent;
}

/**
 * Each `completed` that the carrier sent, with the next call it received of that caller id. Several slots free at once are
 * refilled in the order in which they became free; first calls and last ends count for nothing.
 */
export function refills(events: readonly StandInEvent[]): Refill[] {
  const free = new Map<string, StandInEvent[]>();
  const found: Refill[] = [];
  for (const event of events) {
    const waiting = free.get(event.from ?? "") ?? [];
    free.set(event.from ?? "", waiting);
    if (event.kind === "callback.sent" && event.event === "completed") waiting.push(event);
    if (event.kind !== "create.arrived") continue;
    const ended = waiting.shift();
    if (ended) found.push({ ended, next: event });
  }
  return found;
}

/** In milliseconds. */
export const refillGaps = (events: readonly StandInEvent[]): number[] =>
  refills(events).map(({ ended, next }) => next.atMs - ended.atMs);

/** When what happened to an attempt, epoch milliseconds, by the database's clock. */
export interface AttemptTimes {
  claimedMs: number;
  begunMs: number;
  closedMs: number;
}

/** What a refill consists of, in its order. */
export const STEPS = ["end stored", "claimed", "marked as begun", "at the carrier"] as const;

/** The gap of each refill, by step, in milliseconds: where the clocks are one, they add up to it. */
export function refillSteps(found: readonly Refill[], times: ReadonlyMap<string, AttemptTimes>): number[][] {
  return found.flatMap(({ ended, next }) => {
    const [before, after] = [times.get(ended.token ?? ""), times.get(next.token ?? "")];
    if (!before || !after) return [];
    const moments = [ended.atMs, before.closedMs, after.claimedMs, after.begunMs, next.atMs];
    return [STEPS.map((_, n) => moments[n + 1]! - moments[n]!)];
  });
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
