// Those who wait for something of which there is little at a time, such as an account's next turn, stand in line: one is
// called up after the other. With a timer each, all would come for every turn, and all but one in vain.

/** After a failure: the database is away, and would be for the next one too. */
const AFTER_FAILURE_MS = 1_000;
/** A long pause may end before its time, or have ended when its word came: somebody asks that often. */
const LONGEST_WAIT_MS = 5_000;

export interface LineRules {
  /** The first of those who wait, in the order in which they come up; those with nothing to wait for are not among them. */
  first(waiting: readonly number[]): Promise<number[]>;
  /** Serves one, who may line up again meanwhile; when it fails, he has lost his place. */
  callUp(who: number): Promise<void>;
  /** He has left without lining up again: served, or with nothing to get here. Others may come before him the next time. */
  left(who: number): void;
  /** Sends everybody home. */
  ending: AbortSignal;
}

export class Lines {
  readonly #lines = new Map<string, Line>();
  readonly #rules: LineRules;

  constructor(rules: LineRules) {
    this.#rules = rules;
    rules.ending.addEventListener("abort", () => this.#lines.forEach((line) => line.wake()), { once: true });
  }

  /** Waits in the line for `key`, once. `inMs`: until there is something for anybody; the newest word counts, undefined is none. */
  join(who: number, { key, inMs }: { key: string; inMs?: number | undefined }): void {
    const standing = this.#lines.get(key);
    if (standing) return standing.join(who, inMs);
    const line = new Line();
    this.#lines.set(key, line);
    line.join(who, inMs);
    void this.#move(key, line);
  }

  async #move(key: string, line: Line): Promise<void> {
    const { first, callUp, left, ending } = this.#rules;
    while (line.waiting.size > 0 && !ending.aborted) {
      await line.untilDue(ending);
      if (ending.aborted) break;
      const waiting = new Map(line.waiting);
      try {
        const next = await first([...waiting.keys()]);
        // But whoever has joined meanwhile may have got something to wait for.
        if (next.length === 0) for (const [who, nth] of waiting) line.leave(who, nth);
        for (const who of next) {
          await line.untilDue(ending);
          if (ending.aborted) break;
          line.waiting.delete(who);
          await callUp(who);
          if (!line.waiting.has(who)) left(who);
        }
      } catch {
        line.pause(AFTER_FAILURE_MS);
      }
    }
    this.#lines.delete(key);
  }
}

class Line {
  /** Who, and the how manyeth join his last one was. */
  readonly waiting = new Map<number, number>();
  #joins = 0;
  /** When there will be something for the first, on performance.now()'s clock. */
  #dueAt = -Infinity;
  wake: () => void = () => {};

  join(who: number, inMs: number | undefined): void {
    this.waiting.set(who, ++this.#joins);
    if (inMs !== undefined) this.pause(inMs);
  }

  /** Unless he has joined again since then. */
  leave(who: number, nthJoin: number): void {
    if (this.waiting.get(who) === nthJoin) this.waiting.delete(who);
  }

  pause(ms: number): void {
    this.#dueAt = performance.now() + Math.min(ms, LONGEST_WAIT_MS);
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
