// Work that goes on beside Graphile's tasks: dials in flight, and dispatches whose turn has come.

export class Launches {
  readonly #running = new Set<Promise<void>>();
  readonly #failed: (error: unknown) => void;

  /** @param failed is told of work that threw: nobody else waits for it, and it must not end the process with all dials */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  launch(work: () => Promise<void>): void {
    const running: Promise<void> = work()
      .catch(this.#failed)
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  get inFlight(): number {
    return this.#running.size;
  }

  /** Waits for what is in flight. @returns whether all of it ended within `ms` */
  async drain(ms: number): Promise<boolean> {
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
