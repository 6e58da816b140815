// Requests that a test makes wait, before or after their acceptance, so that it can force an interleaving.

import { Rules, type Match } from "./rules.ts";

export interface HoldRule extends Match {
  /** Wait before the call exists (default), or after it exists and before the client hears of it. */
  at?: "before" | "after";
}

interface Hold extends HoldRule {
  id: number;
  waiting: (() => void)[];
}

/** Holds by id. A held request goes on even if its client has gone away meanwhile: that is the point. */
export class Holds {
  #rules = new Rules<Hold>();
  #byId = new Map<number, Hold>();
  #lastId = 0;

  /** Starts holding; returns the hold's id. */
  add(rule: HoldRule): number {
    this.#lastId += 1;
    const hold = { ...rule, id: this.#lastId, waiting: [] };
    this.#rules.add(hold);
    this.#byId.set(hold.id, hold);
    return hold.id;
  }

  /** Resolves when the request may go on; undefined, and at once, if nothing holds it. */
  pass(at: "before" | "after", to: string, from: string): Promise<void> | undefined {
    const hold = this.#rules.find(to, from).find((rule) => (rule.at ?? "before") === at);
    if (!hold) return undefined;
    return new Promise((resolve) => hold.waiting.push(resolve));
  }

  /** How many requests wait there now. */
  waiting(id: number): number {
    return this.#byId.get(id)?.waiting.length ?? 0;
  }

  /** Lets the first `count` go and holds on; without a count, lets all go and ends the hold. Returns how many went. */
  release(id: number, count?: number): number {
    const hold = this.#byId.get(id);
    if (!hold) return 0;
    if (count === undefined) {
      this.#rules.remove(hold);
      this.#byId.delete(id);
    }
    const going = hold.waiting.splice(0, count ?? hold.waiting.length);
    for (const go of going) go();
    return going.length;
  }
}
