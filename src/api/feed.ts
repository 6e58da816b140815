// Live changes of runs, for every open event stream of this process: one listening connection, one reading per change
// of a watched run, one timer.
import { listenToRuns, nameOf, type Listener, type RunName } from "../../db/listen.ts";
import type { Database, SecurityLog, Tenant } from "../../db/tenant.ts";
import { CodedError } from "../errors.ts";
import { readState, Watched, type WaitingFor, type Watcher } from "./watched.ts";

/** Proxies cut a silent connection, most of them after 30 or 60 seconds. */
const BEAT_MS = 15_000;
const TOO_MANY_RETRY_SECONDS = 10;

export interface FeedCaps {
  /** Open streams of this process: each is a socket and a little memory. */
  perProcess: number;
  /** Of one business: what a shop's staff has open, with room; one tenant must not take every place. */
  perBusiness: number;
}

const CAPS: FeedCaps = { perProcess: 2_000, perBusiness: 100 };

export interface Feed {
  /** @returns a function that ends the watching. Throws events.too_many, events.unavailable. */
  watch(tenant: Tenant, runId: number, watcher: Watcher): () => void;
  /** Whether changes arrive at this moment. */
  alive(): boolean;
  /** Streams open now. */
  open(): number;
  /** Ends every stream, then the connection. */
  close(): Promise<void>;
}

export function openFeed(
  { db, log, waitingFor }: { db: Database; log: SecurityLog; waitingFor: WaitingFor },
  options: { caps?: FeedCaps; beatMs?: number } = {},
): Feed {
  const caps = options.caps ?? CAPS;
  const watched = new Map<string, Watched>();
  const perBusiness = new Map<number, number>();
  let open = 0;
  let closed = false;

  const listener: Listener = listenToRuns(db, {
    changed: (name) => watched.get(name)?.changed(),
    lost: (error) => log.warn({ err: error }, "events: the listening connection was lost, it will be opened again"),
  });
  const beat = setInterval(() => {
    for (const run of watched.values()) {
      for (const watcher of run.watchers) watcher.beat();
      // What a run waits for changes without a notice.
      run.changed();
    }
  }, options.beatMs ?? BEAT_MS);

  const begin = (tenant: Tenant, run: RunName): Watched => {
    const fresh = new Watched(
      () => readState(tenant, waitingFor, run.runId),
      (error) => log.warn({ err: error, runId: run.runId }, "events: a run could not be read, it will be tried again"),
    );
    watched.set(nameOf(run), fresh);
    listener.watch(run);
    return fresh;
  };

  return {
    watch(tenant, runId, watcher) {
      const { businessId } = tenant.door;
      if (closed || open >= caps.perProcess) throw new CodedError("events.unavailable", "no place for another stream");
      const own = perBusiness.get(businessId) ?? 0;
      if (own >= caps.perBusiness)
        throw new CodedError("events.too_many", "the business has too many streams open", {
          retryAfterSeconds: TOO_MANY_RETRY_SECONDS,
        });
      open++;
      perBusiness.set(businessId, own + 1);
      const name = { runId, businessId };
      const run = watched.get(nameOf(name)) ?? begin(tenant, name);
      run.add(watcher);
      let watching = true;
      return () => {
        if (!watching) return;
        watching = false;
        open--;
        const left = (perBusiness.get(businessId) ?? 1) - 1;
        if (left > 0) perBusiness.set(businessId, left);
        else perBusiness.delete(businessId);
        run.watchers.delete(watcher);
        if (run.watchers.size > 0 || watched.get(nameOf(name)) !== run) return;
        run.stop();
        watched.delete(nameOf(name));
        listener.unwatch(name);
      };
    },
    alive: () => listener.alive(),
    open: () => open,
    async close() {
      closed = true;
      clearInterval(beat);
      for (const run of watched.values()) for (const watcher of run.watchers) watcher.close();
      await listener.close();
    },
  };
}
