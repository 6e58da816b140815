// What goes wrong, and when: rules that strike named requests or a seeded share of them.

import type { CallbackEvent } from "./call.ts";
import { draw } from "./random.ts";
import { Rules, type Match } from "./rules.ts";

/** When a rule strikes. Everything that is named must hold; nothing named: always. */
export interface Strikes extends Match {
  /** Only the nth request (from 1) that the rule is about, or these. */
  nth?: number | readonly number[];
  /** The same, counted for each number called by itself. */
  nthOfTo?: number | readonly number[];
  /** At most so many times in all. */
  times?: number;
  /** The share of requests that are struck, 0 to 1, by the seed. */
  rate?: number;
}

/** A fault in answering a request. For `list` and its like, `to` and `from` are those of the filter or of the call. */
export interface RequestFault extends Strikes {
  on: "create" | "fetch" | "list" | "update";
  /**
   * `error` answers `status` with `code`; `hang` never answers; `reset` cuts the connection; `no-sid` answers `{}`;
   * `html` answers a page; `slow` waits `ms`. Success statuses are those of the healthy answer.
   */
  kind: "error" | "hang" | "reset" | "no-sid" | "html" | "slow";
  /**
   * Whether it strikes before the request takes effect (no call then; but `slow` only puts it off) or after (the call
   * exists whatever the client sees). Default: `after` for `no-sid` and `html`, `before` for the others.
   */
  at?: "before" | "after";
  /** HTTP status of `error`: required for it. */
  status?: number;
  /** Twilio's error code; default: the usual one of the status. */
  code?: number;
  message?: string;
  /** Milliseconds of `slow`. */
  ms?: number;
}

/** A fault in delivering status callbacks; all the rules that strike apply together. */
export interface CallbackFault extends Strikes {
  on: "callback";
  /** `reorder` sends it after the call's next one; `double` sends a second copy, `ms` later if given; `delay` waits `ms`, others overtake. */
  kind: "drop" | "double" | "delay" | "reorder" | "bad-signature";
  /** Only callbacks of this event. */
  event?: CallbackEvent;
  ms?: number;
}

/** A call that lists show only `ms` after its acceptance. Fetching it by SID works at once. */
export interface ListLag extends Strikes {
  on: "listing";
  kind: "lag";
  ms: number;
}

export type Fault = RequestFault | CallbackFault | ListLag;

const KINDS: Record<Fault["on"], readonly string[]> = {
  create: ["error", "hang", "reset", "no-sid", "html", "slow"],
  fetch: ["error", "hang", "reset", "no-sid", "html", "slow"],
  list: ["error", "hang", "reset", "no-sid", "html", "slow"],
  update: ["error", "hang", "reset", "no-sid", "html", "slow"],
  callback: ["drop", "double", "delay", "reorder", "bad-signature"],
  listing: ["lag"],
};

interface Armed {
  seen: number;
  struck: number;
  seenOfTo: Map<string, number>;
  id: number;
}

interface Choice {
  atMost?: number;
  event?: CallbackEvent;
}

/** Decides for each request which faults strike it. Counters start anew with every `set`. */
export class Faults {
  readonly #seed: number;
  #rules = new Map<Fault["on"], Rules<Fault>>();
  #armed = new Map<Fault, Armed>();

  constructor(seed: number, faults: readonly Fault[]) {
    this.#seed = seed;
    this.set(faults);
  }

  set(faults: readonly Fault[]): void {
    this.#rules = new Map();
    this.#armed = new Map();
    for (const fault of faults) this.add(fault);
  }

  /** Throws for a fault that does not exist: a misspelt one would otherwise test nothing. */
  add(fault: Fault): void {
    if (!KINDS[fault.on]?.includes(fault.kind)) throw new Error(`no such fault: ${fault.on}/${fault.kind}`);
    if (fault.kind === "error" && fault.status === undefined) throw new Error("a fault of kind error needs a status");
    const own = { ...fault };
    const rules = this.#rules.get(own.on) ?? new Rules<Fault>();
    this.#rules.set(own.on, rules);
    rules.add(own);
    this.#armed.set(own, { seen: 0, struck: 0, seenOfTo: new Map(), id: this.#armed.size });
  }

  /** The first request fault that strikes, with `at` filled in. */
  request(on: RequestFault["on"], to: string, from: string): (RequestFault & { at: "before" | "after" }) | undefined {
    const fault = this.#strikes(on, to, from, { atMost: 1 }).find((f): f is RequestFault => f.on === on);
    if (!fault) return undefined;
    return { ...fault, at: fault.at ?? (fault.kind === "no-sid" || fault.kind === "html" ? "after" : "before") };
  }

  callback(event: CallbackEvent, to: string, from: string): CallbackFault[] {
    return this.#strikes("callback", to, from, { event }).filter((f): f is CallbackFault => f.on === "callback");
  }

  /** Milliseconds until a new call appears in lists, beyond the general lag. */
  listLagMs(to: string, from: string): number {
    const lags = this.#strikes("listing", to, from).filter((f): f is ListLag => f.on === "listing");
    return Math.max(0, ...lags.map((fault) => fault.ms));
  }

  /** Every rule about the request counts it, but only the rules that strike use up their `times`. */
  #strikes(on: Fault["on"], to: string, from: string, { atMost = Infinity, event }: Choice = {}): Fault[] {
    const struck: Fault[] = [];
    for (const rule of this.#rules.get(on)?.find(to, from) ?? []) {
      const armed = this.#armed.get(rule);
      if (!armed || (rule.on === "callback" && rule.event !== undefined && rule.event !== event)) continue;
      if (!this.#hits(rule, armed, to) || struck.length >= atMost) continue;
      armed.struck += 1;
      struck.push(rule);
    }
    return struck;
  }

  #hits(rule: Fault, armed: Armed, to: string): boolean {
    armed.seen += 1;
    let ofTo = 0;
    if (rule.nthOfTo !== undefined || rule.rate !== undefined) {
      ofTo = (armed.seenOfTo.get(to) ?? 0) + 1;
      armed.seenOfTo.set(to, ofTo);
    }
    if (rule.times !== undefined && armed.struck >= rule.times) return false;
    if (!among(rule.nth, armed.seen) || !among(rule.nthOfTo, ofTo)) return false;
    return rule.rate === undefined || draw(this.#seed, "fault", armed.id, to, ofTo) < rule.rate;
  }
}

function among(wanted: number | readonly number[] | undefined, n: number): boolean {
  return wanted === undefined || (typeof wanted === "number" ? wanted === n : wanted.includes(n));
}
