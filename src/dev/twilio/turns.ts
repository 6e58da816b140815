// The account's calls per second: calls beyond it are accepted and stay queued until their turn.

import type { Call } from "./call.ts";

/** First come, first dialled. A call that was canceled while it waited uses no turn. */
export class Turns {
  readonly #intervalMs: number;
  #waiting: { call: Call; start: () => void }[] = [];
  #first = 0;
  #nextMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `cps` undefined: no limit. */
  constructor(cps: number | undefined) {
    this.#intervalMs = cps === undefined ? 0 : 1000 / cps;
  }

  take(call: Call, start: () => void): void {
    if (this.#intervalMs === 0) return start();
    this.#waiting.push({ call, start });
    if (!this.#timer) this.#pump();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#waiting = [];
  }

  #pump(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (let next = this.#waiting[this.#first]; next; next = this.#waiting[this.#first]) {
      if (next.call.status === "queued") {
        if (this.#nextMs > now) {
          this.#timer = setTimeout(() => this.#pump(), Math.ceil(this.#nextMs - now));
          return;
        }
        // At most 20 ms are caught up with, so that a late timer does not lead to a burst.
        this.#nextMs = Math.max(this.#nextMs, now - 20) + this.#intervalMs;
        next.start();
      }
      this.#first += 1;
    }
    this.#waiting = [];
    this.#first = 0;
  }
}
