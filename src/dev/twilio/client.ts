// The observer of a stand-in in another process, over HTTP.

import { setTimeout as sleep } from "node:timers/promises";
import { DEFAULT_WAIT_MS, type CallFilter, type Hold, type Observer } from "./observer.ts";

/** Milliseconds between two looks while waiting for something in another process. */
const LOOK_EVERY_MS = 20;

/** `url` as the stand-in printed it. Methods reject with the stand-in's words if it refuses. */
export function connectObserver(url: string): Observer {
  const ask = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const init: RequestInit = { method };
    if (body !== undefined) init.body = JSON.stringify(body);
    const response = await fetch(`${url}/observer/${path}`, init);
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error((answer as { error?: string }).error ?? `stand-in answered ${response.status}`);
    return answer as T;
  };
  const tell = async (method: string, path: string, body?: unknown): Promise<void> => {
    await ask(method, path, body);
  };
  const observer: Observer = {
    report: () => ask("GET", "report"),
    resetReport: () => tell("POST", "reset"),
    setScripts: (rules) => tell("PUT", "scripts", rules),
    setFaults: (faults) => tell("PUT", "faults", faults),
    addFaults: (faults) => tell("POST", "faults", faults),
    mark: (label, rule = {}) => tell("POST", "marks", { label, ...rule }),
    group: (label, tos) => tell("POST", "groups", { label, tos }),
    calls: (filter = {}) => ask("GET", `calls?${queryOf(filter)}`),
    timeline: (from) => ask("GET", `timeline?${new URLSearchParams({ from }).toString()}`),
    events: (afterSeq = 0) => ask("GET", `events?after=${afterSeq}`),
    holdCreates: async (rule = {}) => remoteHold(ask, await ask<{ id: number }>("POST", "holds", rule)),
    waitFor: async (predicate, timeoutMs = DEFAULT_WAIT_MS) => {
      let report = await observer.report();
      await until(
        timeoutMs,
        () => `last report: ${JSON.stringify(report)}`,
        async () => {
          report = await observer.report();
          return predicate(report);
        },
      );
      return report;
    },
    waitForEvent: async (predicate, timeoutMs = DEFAULT_WAIT_MS) => {
      let seen = 0;
      let found: Awaited<ReturnType<Observer["waitForEvent"]>> | undefined;
      await until(
        timeoutMs,
        () => "no such event",
        async () => {
          const events = await observer.events(seen);
          seen = events.at(-1)?.seq ?? seen;
          found = events.find(predicate);
          return found !== undefined;
        },
      );
      if (!found) throw new Error("no such event");
      return found;
    },
  };
  return observer;
}

type Ask = <T>(method: string, path: string, body?: unknown) => Promise<T>;

function remoteHold(ask: Ask, { id }: { id: number }): Hold {
  const waiting = async (): Promise<number> => (await ask<{ waiting: number }>("GET", `holds?id=${id}`)).waiting;
  return {
    waiting,
    reached: (count, timeoutMs = DEFAULT_WAIT_MS) =>
      until(
        timeoutMs,
        () => `fewer than ${count} creates wait`,
        async () => (await waiting()) >= count,
      ),
    release: async (count) => (await ask<{ released: number }>("POST", "release", { id, count })).released,
  };
}

async function until(timeoutMs: number, words: () => string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms; ${words()}`);
    await sleep(LOOK_EVERY_MS);
  }
}

function queryOf(filter: CallFilter): string {
  const named = Object.entries(filter).filter(([, value]) => value !== undefined);
  return new URLSearchParams(named.map(([key, value]): [string, string] => [key, String(value)])).toString();
}
