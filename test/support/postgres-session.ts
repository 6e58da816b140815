// This process's connection to the shared test server. The connection is also the lease: while it is open, the keeper
// leaves the server running; when the process ends, however it ends, the lease is gone.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { type EmbeddedPostgres, joinEmbeddedPostgres } from "../../src/dev/postgres.ts";
import { lockHolder } from "../../src/dev/postgres/lock.ts";

export const SHARED_DATA_DIR = fileURLToPath(new URL("../../.data/test-postgres", import.meta.url));
/** Shared by every process that uses the server, exclusive for the keeper that wants to stop it. */
export const LEASE_LOCK = "7300, 1";

const KEEPER = fileURLToPath(new URL("postgres-keeper.ts", import.meta.url));
const START_TIMEOUT_MS = 60_000;
const RETRY_MS = 25;

export type Session = {
  query<Row extends object>(sql: string, values?: unknown[]): Promise<Row[]>;
  urlOf(database: string): string;
};

let session: Promise<Session> | undefined;

export function sharedServer(): Promise<Session> {
  return (session ??= connect());
}

async function connect(): Promise<Session> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  let keeper: ReturnType<typeof startKeeper> | undefined;
  while (performance.now() < deadline) {
    const server = await joinEmbeddedPostgres(SHARED_DATA_DIR);
    const client = server && (await takeLease(server.url));
    // A server without a keeper was left by one that was killed: it is good to use, and gets a new one.
    const isKept = lockHolder(`${SHARED_DATA_DIR}.lock`) !== undefined;
    // A keeper of ours that has ended found another one at work, which may be stopping by now.
    if (!isKept && (!keeper || keeper.exitCode !== null)) keeper = startKeeper();
    if (server && client) return sessionOf(server, client);
    await sleep(RETRY_MS);
  }
  throw new Error(`the shared test server does not start: see ${SHARED_DATA_DIR}.log and .keeper.log`);
}

/** Undefined when the keeper was just stopping the server. */
async function takeLease(url: string): Promise<Client | undefined> {
  const client = new Client({ connectionString: url });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query(`select pg_advisory_lock_shared(${LEASE_LOCK})`);
    return client;
  } catch {
    await client.end().catch(() => undefined);
    return undefined;
  }
}

/** The socket keeps the process alive only while a query runs, so that a test file ends when its tests have ended. */
function sessionOf(server: EmbeddedPostgres, client: Client): Session {
  const socket = client as Client & { ref(): void; unref(): void };
  let running = 0;
  socket.unref();
  return {
    async query<Row extends object>(sql: string, values: unknown[] = []) {
      if (running++ === 0) socket.ref();
      try {
        return (await client.query<Row>(sql, values)).rows;
      } finally {
        if (--running === 0) socket.unref();
      }
    },
    urlOf(database) {
      const url = new URL(server.url);
      url.pathname = `/${database}`;
      return url.href;
    },
  };
}

function startKeeper() {
  const child = spawn(process.execPath, [KEEPER], { detached: true, stdio: "ignore" });
  child.unref();
  return child;
}
