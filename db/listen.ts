// One connection that hears of changed runs for as long as the process lives: lost, it is opened again with a growing
// wait, and whoever listens is told, because notices sent meanwhile are gone.
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Database } from "./client.ts";
import { WATCH_CLASS, watchKey } from "./locks.ts";
import { LOCK_WAIT_MS, sharedLocks, type SharedLocks } from "./sharedLocks.ts";

/** The trigger of migrations 0010 and 0045 notifies it of every change of a run that a watcher sees, if somebody watches. */
const RUNS_CHANNEL = "outbound_runs";

/** A run as the notices name it. */
export interface RunName {
  runId: number;
  businessId: number;
}

export const nameOf = ({ runId, businessId }: RunName): string => `${runId}:${businessId}`;

export interface Listener {
  /** Whether notices arrive at this moment. */
  alive(): boolean;
  /** Asks for notices of the run's changes: they are sent only of runs that somebody watches. Once for each run. */
  watch(run: RunName): void;
  unwatch(run: RunName): void;
  close(): Promise<void>;
}

export interface Hearing {
  /** A watched run, by its name, has changed; or it may have, unnoticed, until this moment. */
  changed(name: string): void;
  lost(error: unknown): void;
}

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;
/** A connection that a firewall dropped looks open for hours; asking finds out. */
const PING_MS = 15_000;
const ANSWER_MS = 5_000;

/**
 * Needs a connection of its own: LISTEN and the locks that ask for notices belong to a session, so PgBouncer in transaction
 * mode is no place for it.
 */
export function listenToRuns(db: Database, hearing: Hearing): Listener {
  const closing = new AbortController();
  let live: pg.Client | undefined;
  let locks: SharedLocks | undefined;
  /** The watched runs, by their lock, which several may share. */
  const watched = new Map<number, Set<string>>();
  const missed = (key: number) => watched.get(key)?.forEach((name) => hearing.changed(name));

  const connect = async () => {
    const client = new pg.Client({
      connectionString: db.$client.options.connectionString,
      application_name: `ringpost listening on ${RUNS_CHANNEL}`,
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
      // The ping does not wait for a lock's turn.
      pipeline: true,
      keepAlive: true,
    });
    const broken = new Promise<unknown>((resolve) => {
      client.on("error", resolve);
      client.on("end", () => resolve(new Error("the connection ended")));
    });
    client.on("notification", ({ payload }) => hearing.changed(payload ?? ""));
    const own = sharedLocks(client, WATCH_CLASS, (key) => watched.has(key), missed);
    try {
      await client.connect();
      // Not a startup parameter: poolers refuse those that they do not know.
      await client.query("select set_config('lock_timeout', $1, false)", [String(LOCK_WAIT_MS)]);
      await client.query(`listen ${pg.escapeIdentifier(RUNS_CHANNEL)}`);
      [live, locks] = [client, own];
      for (const key of watched.keys()) {
        // Now, and again with the lock, which may take a while.
        missed(key);
        own.settle(key);
      }
      await untilBroken(client, broken, closing.signal);
    } finally {
      [live, locks] = [undefined, undefined];
      own.end();
      // A broken connection may never end in order: nobody waits for it.
      void client.end().catch(() => {});
    }
  };

  const ended = (async () => {
    let wait = FIRST_RETRY_MS;
    while (!closing.signal.aborted) {
      const began = performance.now();
      await connect().catch((error: unknown) => {
        if (!closing.signal.aborted) hearing.lost(error);
      });
      wait = performance.now() - began > LONGEST_RETRY_MS ? FIRST_RETRY_MS : Math.min(wait * 2, LONGEST_RETRY_MS);
      await sleep(wait, undefined, { signal: closing.signal }).catch(() => {});
    }
  })();

  return {
    alive: () => live !== undefined,
    watch(run) {
      const key = watchKey(run.runId);
      watched.set(key, (watched.get(key) ?? new Set()).add(nameOf(run)));
      locks?.settle(key);
    },
    unwatch(run) {
      const key = watchKey(run.runId);
      const sharing = watched.get(key);
      sharing?.delete(nameOf(run));
      if (sharing?.size === 0) watched.delete(key);
      locks?.settle(key);
    },
    async close() {
      closing.abort();
      await ended;
    },
  };
}

/** Throws what broke the connection; returns when it is no longer wanted. */
async function untilBroken(client: pg.Client, broken: Promise<unknown>, closing: AbortSignal): Promise<void> {
  while (!closing.aborted) {
    const rest = new AbortController();
    const pause = sleep(PING_MS, undefined, { signal: AbortSignal.any([closing, rest.signal]) }).catch(() => {});
    const error = await Promise.race([broken, pause]);
    rest.abort();
    if (error !== undefined) throw error;
    if (!closing.aborted) await client.query("select 1");
  }
}
