// What the workers did, counted from the audit trail that they write: no port in the worker, nothing extra on the hot
// path. Each API process counts the whole deployment since its own start: take the max over instances, not the sum.
import { eventsAfter, newestEvent, type TailEvent } from "../../db/gauges.ts";
import type { Database } from "../../db/tenant.ts";

/** Longer than a transaction may stay open (5 s), so that no event is passed over. */
const SETTLED_SECONDS = 6;
const AT_ONCE = 5_000;
/** A slot that stayed free for longer was not waited for. */
const REFILL_MS = 60_000;
const FREED_KEPT = 64;

export interface Told {
  event(kind: string): void;
  /** A job ended with this outcome. */
  ended(outcome: string): void;
  /** A freed slot was dialled on again after so many seconds. */
  refilled(seconds: number): void;
}

export class EventTail {
  readonly #db: Database;
  readonly #told: Told;
  /** Per business, when slots became free that nobody has taken since. */
  readonly #freed = new Map<number, number[]>();
  #mark: number | undefined;

  constructor(db: Database, told: Told) {
    this.#db = db;
    this.#told = told;
  }

  /** Counts what has happened since the last time; the first time only notes where to begin. */
  async read(): Promise<void> {
    this.#mark ??= await newestEvent(this.#db);
    for (;;) {
      const events = await eventsAfter(this.#db, this.#mark, AT_ONCE, SETTLED_SECONDS);
      for (const event of events) this.#count(event);
      this.#mark = events.at(-1)?.id ?? this.#mark;
      if (events.length < AT_ONCE) return;
    }
  }

  #count({ businessId, kind, outcome, at }: TailEvent): void {
    this.#told.event(kind);
    const freed = this.#freed.get(businessId) ?? [];
    if (kind === "job.ended") {
      this.#told.ended(outcome ?? "unknown");
      this.#freed.set(businessId, [...freed.slice(-FREED_KEPT), at]);
    } else if (kind === "job.dialing") {
      const since = freed.shift();
      if (since !== undefined && at - since < REFILL_MS) this.#told.refilled(Math.max(0, at - since) / 1000);
    } else if (kind === "run.created" || kind === "run.resumed") {
      // What it dials first did not wait for those slots.
      this.#freed.delete(businessId);
    }
  }
}
