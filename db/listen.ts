// One connection that listens on a channel for as long as the process lives: lost, it is opened again with a growing
// wait, and whoever listens is told, because notices sent meanwhile are gone.
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Database } from "./client.ts";

/** Sent by the trigger of migration 0010 for every change of a run that a watcher sees; the payload is `run:business`. */
export const RUNS_CHANNEL = "outbound_runs";

export interface Listener {
  /** Whether notices arrive at this moment. */
  alive(): boolean;
  close(): Promise<void>;
}

export interface Hearing {
  notice(payload: string): void;
  /** Listening, for the first time or again: what was heard before may be out of date. */
  connected(): void;
  lost(error: unknown): void;
}

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;
/** A connection that a firewall dropped looks open for hours; asking finds out. */
const PING_MS = 15_000;
const ANSWER_MS = 5_000;

/** Needs a connection of its own: LISTEN belongs to a session, so PgBouncer in transaction mode is no place for it. */
export function listen(db: Database, channel: string, hearing: Hearing): Listener {
  const closing = new AbortController();
  let live: pg.Client | undefined;

  const connect = async () => {
    const client = new pg.Client({
      connectionString: db.$client.options.connectionString,
      application_name: `ringpost listening on ${channel}`,
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
      keepAlive: true,
    });
    const broken = new Promise<unknown>((resolve) => {
      client.on("error", resolve);
      client.on("end", () => resolve(new Error("the connection ended")));
    });
    client.on("notification", ({ payload }) => hearing.notice(payload ?? ""));
    try {
      await client.connect();
      await client.query(`listen ${pg.escapeIdentifier(channel)}`);
      live = client;
      hearing.connected();
      await untilBroken(client, broken, closing.signal);
    } finally {
      live = undefined;
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
