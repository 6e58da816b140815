// Who is served next among the runs of one business. Pure: rows in, shares out.

export interface WaitingRun {
  id: number;
  /** Jobs waiting. */
  queued: number;
  /** Calls dialing or live. */
  inProgress: number;
  /** The run's own limit of calls at once. */
  concurrency: number;
  /** When it last got a call, milliseconds since 1970; null: never. */
  lastServed: number | null;
}

/**
 * Shares free slots out one by one: to the run with the fewest calls in flight, of those to the one longest unserved,
 * of those to the oldest. A run never gets more than it has queued or than its concurrency allows.
 * @returns how many jobs to claim, by run; runs that get none are not in it
 */
export function shareSlots(runs: readonly WaitingRun[], free: number): Map<number, number> {
  const state = runs.map((run) => ({ ...run, given: 0, served: run.lastServed ?? Number.NEGATIVE_INFINITY }));
  for (let turn = 0; turn < free; turn++) {
    const next = state
      .filter((r) => r.queued > r.given && r.inProgress + r.given < r.concurrency)
      .sort((a, b) => a.inProgress + a.given - (b.inProgress + b.given) || a.served - b.served || a.id - b.id)[0];
    if (!next) break;
    next.given++;
    // Served later than everybody's past, in the order of the turns.
    next.served = Number.MAX_SAFE_INTEGER - free + turn;
  }
  return new Map(state.filter((r) => r.given > 0).map((r) => [r.id, r.given]));
}

/** The smallest slot numbers from 1 to `limit` that nobody holds. */
export function freeSlots(limit: number, taken: readonly number[]): number[] {
  const held = new Set(taken);
  const free: number[] = [];
  for (let no = 1; no <= limit && free.length < limit - held.size; no++) if (!held.has(no)) free.push(no);
  return free;
}
