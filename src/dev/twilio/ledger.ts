// The observer's own count of what reached the carrier. It believes nobody: only requests and calls seen here count.

import type { Call, EndStatus } from "./call.ts";
import { Gauge, GaugePerFrom, StartsPerSecond } from "./gauges.ts";
import { Marks, type MarkRule } from "./marks.ts";
import type { Report } from "./report.ts";

const noEnds = (): Record<EndStatus, number> => ({ completed: 0, busy: 0, "no-answer": 0, failed: 0, canceled: 0 });
const noCallbacks = (): Omit<Report["callbacks"], "pending"> => ({ sent: 0, failed: 0, retried: 0, dropped: 0 });

/** A call is live from its acceptance to its end state; phones ring from acceptance on, whatever the client was told. */
export class Ledger {
  callbacks = noCallbacks();
  twiml = { fetched: 0, failed: 0 };
  requests = { fetch: 0, list: 0, update: 0 };
  pendingCallbacks = 0;
  #live = new Gauge();
  #perFrom = new GaugePerFrom();
  #groups = new Map<string, Gauge>();
  #groupsOf = new Map<string, Gauge[]>();
  #marks = new Marks();
  #arrived = 0;
  #callsPerTo = new Map<string, number>();
  #callsPerToken = new Map<string, number>();
  #postsPerToken = new Map<string, number>();
  #twice = { tos: new Set<string>(), tokens: new Set<string>(), posted: new Set<string>() };
  #ended = noEnds();
  #faults: Record<string, number> = {};
  #starts = new StartsPerSecond();
  #dialled = new StartsPerSecond();
  #accepted = 0;

  arrived(to: string, from: string, token: string | undefined, arrivedMs: number): void {
    this.#arrived += 1;
    if (token !== undefined) countTwice(this.#postsPerToken, token, this.#twice.posted);
    this.#marks.arrived(to, from, arrivedMs);
  }

  accepted(call: Call, arrivedMs: number): void {
    this.#accepted += 1;
    this.#live.up();
    this.#perFrom.up(call.from, Date.now());
    for (const gauge of this.#groupsOf.get(call.to) ?? []) gauge.up();
    countTwice(this.#callsPerTo, call.to, this.#twice.tos);
    if (call.token !== undefined) countTwice(this.#callsPerToken, call.token, this.#twice.tokens);
    this.#marks.accepted(call.to, call.from, arrivedMs);
    this.#starts.start(performance.now());
  }

  dialled(call: Call): void {
    this.#dialled.start(performance.now());
    this.#marks.dialled(call.to, call.from);
  }

  ended(call: Call, status: EndStatus): void {
    this.#live.down();
    this.#perFrom.down(call.from, Date.now());
    for (const gauge of this.#groupsOf.get(call.to) ?? []) gauge.down();
    this.#ended[status] += 1;
  }

  fault(name: string): void {
    this.#faults[name] = (this.#faults[name] ?? 0) + 1;
  }

  mark(label: string, rule: MarkRule): void {
    this.#marks.add(label, rule, performance.now());
  }

  /** `liveTos`: the numbers of the calls live now, one entry per call. */
  group(label: string, tos: readonly string[], liveTos: Iterable<string>): void {
    const members = new Set(tos);
    const gauge = new Gauge();
    this.#groups.set(label, gauge);
    for (const to of members) this.#groupsOf.set(to, [...(this.#groupsOf.get(to) ?? []), gauge]);
    for (const to of liveTos) if (members.has(to)) gauge.up();
  }

  timeline(from: string): [second: number, live: number][] {
    return this.#perFrom.timeline(from);
  }

  report(): Report {
    const groups = [...this.#groups];
    return {
      totalCreates: this.#arrived,
      accepted: this.#accepted,
      liveNow: this.#live.now,
      maxLive: this.#live.max,
      livePerFrom: this.#perFrom.now(),
      maxLivePerFrom: this.#perFrom.max(),
      tosCalledTwice: [...this.#twice.tos],
      tokensUsedTwice: [...this.#twice.tokens],
      tokensPostedTwice: [...this.#twice.posted],
      afterMark: this.#marks.figures(),
      groupMax: Object.fromEntries(groups.map(([label, gauge]) => [label, gauge.max])),
      groupLive: Object.fromEntries(groups.map(([label, gauge]) => [label, gauge.now])),
      endedByStatus: { ...this.#ended },
      callbacks: { ...this.callbacks, pending: this.pendingCallbacks },
      twiml: { ...this.twiml },
      requests: { ...this.requests },
      faults: { ...this.#faults },
      maxStartsInAnySecond: this.#starts.max,
      maxDialledInAnySecond: this.#dialled.max,
    };
  }

  /** Forgets all figures, marks and groups. Calls that are live stay live, and are where the maxima start. */
  reset(): void {
    this.callbacks = noCallbacks();
    this.twiml = { fetched: 0, failed: 0 };
    this.requests = { fetch: 0, list: 0, update: 0 };
    this.#live.reset();
    this.#perFrom.reset();
    this.#groups = new Map();
    this.#groupsOf = new Map();
    this.#marks = new Marks();
    this.#arrived = 0;
    this.#accepted = 0;
    this.#callsPerTo = new Map();
    this.#callsPerToken = new Map();
    this.#postsPerToken = new Map();
    this.#twice = { tos: new Set(), tokens: new Set(), posted: new Set() };
    this.#ended = noEnds();
    this.#faults = {};
    this.#starts.reset();
    this.#dialled.reset();
  }
}

function countTwice(counts: Map<string, number>, key: string, twice: Set<string>): void {
  const count = (counts.get(key) ?? 0) + 1;
  counts.set(key, count);
  if (count === 2) twice.add(key);
}
