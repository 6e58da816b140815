// Those who wait for something of which there is little at a time, such as an account's next turn, stand in line: one is
// called up after the other, whoever has waited longest first. With a timer each, all would come for every turn, and all but
// one in vain.

/** After a failure: the database is away, and would be for the next one too. */
const AFTER_FAILURE_MS = 1_000;

export class Lines {
  readonly #lines = new Map<string, Line>();
  readonly #callUp: (who: number) => Promise<void>;
  readonly #ending: AbortSignal;

  /**
   * @param callUp serves one, who may line up again meanwhile; when it fails, he has lost his place
   * @param ending sends everybody home
   */
  constructor(callUp: (who: number) => Promise<void>, ending: AbortSignal) {
    this.#callUp = callUp;
    this.#ending = ending;
    ending.addEventListener("abort", () => this.#lines.forEach((line) => line.wake()), { once: true });
  }

  /** Takes the last place in the line for `key`, or keeps his own. `inMs`: until there is something; the newest word counts. */
  join(who: number, { key, inMs }: { key: string; inMs: number }): void {
    const standing = this.#lines.get(key);
    if (standing) return standing.join(who, inMs);
    const line = new Line();
    this.#lines.set(key, line);
    line.join(who, inMs);
    void this.#move(key, line);
  }

  async #move(key: string, line: Line): Promise<void> {
    // Whoever joins meanwhile is added to the end, and comes up in this very loop.
    for (const who of line.waiting) {
      await line.untilDue(this.#ending);
      if (this.#ending.aborted) break;
      line.waiting.delete(who);
      await this.#callUp(who).catch(() => line.pause(AFTER_FAILURE_MS));
    }
    this.#lines.delete(key);
  }
}

class Line {
  /** In the order in which they came. */
  readonly waiting = new Set<number>();
  /** When there will be something for the first, on performance.now()'s clock. */
  #dueAt = -Infinity;
  wake: () => void = () => {};

  join(who: number, inMs: number): void {
    this.waiting.add(who);
    this.pause(inMs);
  }

  pause(ms: number): void {
    this.#dueAt = performance.now() + ms;
    this.wake();
  }

  async untilDue(ending: AbortSignal): Promise<void> {
    for (let leftMs; (leftMs = this.#dueAt - performance.now()) > 0 && !ending.aborted;) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
