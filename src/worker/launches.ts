// Work that goes on beside Graphile's tasks: dials in flight, and dispatches that are due in a moment.

export class Launches {
  readonly #running = new Set<Promise<void>>();
  readonly #timers = new Map<number, { timer: NodeJS.Timeout; at: number }>();

  launch(work: () => Promise<void>): void {
    const running: Promise<void> = work().finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Calls `then` in `ms`; for one key only the earliest counts. */
  later(key: number, ms: number, then: () => void): void {
    const at = performance.now() + ms;
    const waiting = this.#timers.get(key);
    if (waiting && waiting.at <= at) return;
    clearTimeout(waiting?.timer);
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      then();
    }, ms);
    this.#timers.set(key, { timer, at });
  }

  get inFlight(): number {
    return this.#running.size;
  }

  /** Drops what is due later, and waits for what is in flight. @returns whether all of it ended within `ms` */
  async drain(ms: number): Promise<boolean> {
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    let tooLate: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => (tooLate = setTimeout(resolve, ms)));
    while (this.#running.size > 0) {
      const all = Promise.allSettled(this.#running).then(() => true);
      if (!(await Promise.race([all, limit.then(() => false)]))) break;
    }
    clearTimeout(tooLate);
    return this.#running.size === 0;
  }
}
