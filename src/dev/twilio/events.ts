// What happened, in order: a bounded log that tests wait on instead of sleeping.

import type { CallbackEvent, Status } from "./call.ts";

export type EventKind =
  | "create.arrived"
  | "create.held"
  | "create.accepted"
  | "create.answered"
  | "fetch"
  | "list"
  | "update"
  | "fault"
  | "call.initiated"
  | "call.ringing"
  | "call.answered"
  | "call.ended"
  | "twiml.fetched"
  | "twiml.failed"
  | "callback.sent"
  | "callback.delivered"
  | "callback.failed"
  | "callback.dropped";

/** One thing that happened. `seq` counts up from 1 and never repeats; `atMs` is epoch milliseconds. */
export interface StandInEvent {
  seq: number;
  atMs: number;
  kind: EventKind;
  to?: string | undefined;
  from?: string | undefined;
  sid?: string | undefined;
  token?: string | undefined;
  /** The call's status, for `call.*`. */
  status?: Status | undefined;
  /** The event that a callback reports. */
  event?: CallbackEvent | undefined;
  /** HTTP status: what we answered (`create.answered`) or were answered (`callback.*`, `twiml.*`). */
  http?: number | undefined;
  /** Which fault struck (`create/hang`), or why a callback failed. */
  detail?: string | undefined;
  /** The form of a create, for `create.arrived`; repeated fields as lists. */
  params?: Record<string, string | string[]> | undefined;
}

/** Older events are forgotten: 500 calls per second make some 5,000 events per second. */
const KEEP = 20_000;

export class EventLog {
  #ring: StandInEvent[] = [];
  #listeners = new Set<(event: StandInEvent) => void>();
  #lastSeq = 0;
  #firstSeq = 1;

  get lastSeq(): number {
    return this.#lastSeq;
  }

  add(kind: EventKind, about: Omit<StandInEvent, "seq" | "atMs" | "kind">): void {
    this.#lastSeq += 1;
    const event: StandInEvent = { seq: this.#lastSeq, atMs: Date.now(), kind, ...about };
    this.#ring[this.#lastSeq % KEEP] = event;
    for (const listener of this.#listeners) listener(event);
  }

  /** The remembered events after this one, oldest first. */
  after(seq: number): StandInEvent[] {
    const first = Math.max(seq + 1, this.#firstSeq, this.#lastSeq - KEEP + 1);
    const events: StandInEvent[] = [];
    for (let at = first; at <= this.#lastSeq; at += 1) {
      const event = this.#ring[at % KEEP];
      if (event) events.push(event);
    }
    return events;
  }

  /** Forgets what happened so far; sequence numbers go on. */
  clear(): void {
    this.#firstSeq = this.#lastSeq + 1;
    this.#ring = [];
  }

  /** Calls back for each further event until the returned function is called. */
  listen(listener: (event: StandInEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
