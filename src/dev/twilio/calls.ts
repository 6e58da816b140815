// The calls that exist: by SID, by number called, and in the order of acceptance. Ended ones stay.

import type { Call } from "./call.ts";
import { problem } from "./problems.ts";

/** A page of a list, newest call first. */
export interface CallPage {
  calls: Call[];
  /** The token of the page that follows, if there is one. */
  next: string | undefined;
}

const DEFAULT_PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 1000;

/** Memory is a few hundred bytes per ended call: 200,000 calls are fine. */
export class Calls {
  readonly #bySid = new Map<string, Call>();
  readonly #byTo = new Map<string, Call[]>();
  readonly #all: Call[] = [];

  get size(): number {
    return this.#all.length;
  }

  add(call: Call): void {
    this.#all.push(call);
    this.#bySid.set(call.sid, call);
    const same = this.#byTo.get(call.to);
    if (same) same.push(call);
    else this.#byTo.set(call.to, [call]);
  }

  bySid(sid: string): Call | undefined {
    return this.#bySid.get(sid);
  }

  /** In the order of acceptance. */
  to(number: string): readonly Call[] {
    return this.#byTo.get(number) ?? [];
  }

  all(): readonly Call[] {
    return this.#all;
  }

  /**
   * Twilio's list with its filters. A page token names the last call of the page before, so that new calls do not
   * shift pages. A call without a start time matches no StartTime filter. Throws 20001 for an unreadable date.
   */
  list(query: URLSearchParams, nowMs: number): CallPage {
    const to = query.get("To") || undefined;
    const wanted = filterOf(query, nowMs);
    const size = pageSize(query);
    const source = to === undefined ? this.#all : this.to(to);
    const after = this.bySid((query.get("PageToken") ?? "").slice(2));
    const calls: Call[] = [];
    // In the list of everything a call's index is its place, so that a later page need not walk past the earlier ones.
    const start = after && source === this.#all ? after.index : source.length;
    for (let i = start - 1; i >= 0; i -= 1) {
      const call = source[i];
      if (!call || (after && call.index >= after.index) || !wanted(call)) continue;
      if (calls.length === size) return { calls, next: `PA${calls.at(-1)?.sid}` };
      calls.push(call);
    }
    return { calls, next: undefined };
  }
}

/** PageSize as Twilio takes it: 50 unless told, 1000 at most. */
export function pageSize(query: URLSearchParams): number {
  const asked = Number(query.get("PageSize"));
  return Number.isInteger(asked) && asked > 0 ? Math.min(asked, MAX_PAGE_SIZE) : DEFAULT_PAGE_SIZE;
}

function filterOf(query: URLSearchParams, nowMs: number): (call: Call) => boolean {
  const from = query.get("From") || undefined;
  const status = query.get("Status") || undefined;
  const times = [...timeFilters(query, "StartTime", "startMs"), ...timeFilters(query, "EndTime", "endMs")];
  return (call) =>
    (from === undefined || call.from === from) &&
    (status === undefined || call.status === status) &&
    call.listedMs <= nowMs &&
    times.every((holds) => holds(call));
}

/** `StartTime=`, `StartTime<=` and `StartTime>=`: inclusive, in whole seconds; a date without a time means midnight UTC, or with `=` the whole day. */
function timeFilters(query: URLSearchParams, name: string, field: "startMs" | "endMs"): ((call: Call) => boolean)[] {
  const read = (key: string): { ms: number; lengthMs: number } | undefined => {
    const text = query.get(key);
    if (!text) return undefined;
    const ms = Date.parse(text);
    if (Number.isNaN(ms)) throw problem(400, 20001, `Invalid parameter: ${name}`);
    return { ms, lengthMs: /^\d{4}-\d\d-\d\d$/.test(text) ? 86_400_000 : 1000 };
  };
  const second = (call: Call): number => Math.floor(call[field] / 1000) * 1000;
  const [exact, before, after] = [read(name), read(`${name}<`), read(`${name}>`)];
  const filters: ((call: Call) => boolean)[] = [];
  if (exact) filters.push((call) => second(call) >= exact.ms && second(call) < exact.ms + exact.lengthMs);
  if (before) filters.push((call) => call[field] > 0 && second(call) <= before.ms);
  if (after) filters.push((call) => call[field] > 0 && second(call) >= after.ms);
  return filters;
}
