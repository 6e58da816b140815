// The observer in the stand-in's own process: effects at once, waiting without polling.

import type { Call } from "./call.ts";
import type { Core } from "./core.ts";
import { callView, DEFAULT_WAIT_MS, type CallFilter, type CallView, type Hold, type Observer } from "./observer.ts";
import type { Report } from "./report.ts";
import { matches } from "./rules.ts";

/** While thousands of events per second go by, one report per this many milliseconds is looked at. */
const LOOK_EVERY_MS = 5;

export function localObserver(core: Core): Observer {
  const { ledger, events, holds } = core;
  return {
    report: async () => ledger.report(),
    resetReport: async () => {
      ledger.reset();
      events.clear();
    },
    setScripts: async (rules) => core.scripts.set(rules),
    setFaults: async (faults) => core.faults.set(faults),
    addFaults: async (faults) => {
      for (const fault of faults) core.faults.add(fault);
    },
    mark: async (label, rule = {}) => ledger.mark(label, rule),
    group: async (label, tos) =>
      ledger.group(
        label,
        tos,
        [...core.lifecycle.live()].map((call) => call.to),
      ),
    calls: async (filter = {}) => select(core, filter),
    timeline: async (from) => ledger.timeline(from),
    events: async (afterSeq = 0) => events.after(afterSeq),
    holdCreates: async (rule = {}) => localHold(core, holds.add(rule)),
    waitFor: (predicate, timeoutMs = DEFAULT_WAIT_MS) => waitForReport(core, predicate, timeoutMs),
    waitForEvent: (predicate, timeoutMs = DEFAULT_WAIT_MS) => waitForEvent(core, predicate, timeoutMs),
  };
}

function localHold(core: Core, id: number): Hold {
  return {
    waiting: async () => core.holds.waiting(id),
    reached: async (count, timeoutMs = DEFAULT_WAIT_MS) => {
      if (core.holds.waiting(id) >= count) return;
      // The event is written just after the request joined the hold.
      await waitForEvent(core, () => core.holds.waiting(id) >= count, timeoutMs);
    },
    release: async (count) => core.holds.release(id, count),
  };
}

function select(core: Core, filter: CallFilter): CallView[] {
  const { to, token, status, limit = Infinity } = filter;
  const source: readonly Call[] = to === undefined ? core.calls.all() : core.calls.to(to);
  const found: CallView[] = [];
  for (let i = source.length - 1; i >= 0 && found.length < limit; i -= 1) {
    const call = source[i];
    if (!call || !matches(filter, call.to, call.from)) continue;
    if ((token !== undefined && call.token !== token) || (status !== undefined && call.status !== status)) continue;
    found.push(callView(call));
  }
  return found.toReversed();
}

function waitForEvent(core: Core, predicate: Parameters<Observer["waitForEvent"]>[0], timeoutMs: number) {
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<Observer["waitForEvent"]>>>();
  const look = (event: Parameters<typeof predicate>[0]): boolean => {
    try {
      if (!predicate(event)) return false;
      resolve(event);
    } catch (error) {
      reject(error);
    }
    return true;
  };
  if (core.events.after(0).some(look)) return promise;
  const stop = core.events.listen(look);
  const timer = setTimeout(() => reject(new Error(`no such event within ${timeoutMs} ms`)), timeoutMs);
  return promise.finally(() => {
    stop();
    clearTimeout(timer);
  });
}

async function waitForReport(core: Core, predicate: (report: Report) => boolean, timeoutMs: number): Promise<Report> {
  const { promise, resolve, reject } = Promise.withResolvers<Report>();
  let soon: NodeJS.Timeout | undefined;
  const look = (): void => {
    soon = undefined;
    try {
      const report = core.ledger.report();
      if (predicate(report)) resolve(report);
    } catch (error) {
      reject(error);
    }
  };
  const stop = core.events.listen(() => {
    soon ??= setTimeout(look, LOOK_EVERY_MS);
  });
  const timer = setTimeout(() => {
    reject(new Error(`not within ${timeoutMs} ms; last report: ${JSON.stringify(core.ledger.report())}`));
  }, timeoutMs);
  look();
  return promise.finally(() => {
    stop();
    clearTimeout(soon);
    clearTimeout(timer);
  });
}
