// Runs the shared test server in a process of its own, and stops it a few seconds after the last test process has
// gone. No run has to stop it, and none can leave it behind: not a failed one, not a killed one.

import { appendFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/dev/postgres.ts";
import { lockHolder } from "../../src/dev/postgres/lock.ts";
import { reapOwnServers } from "./postgres-own.ts";
import { LEASE_LOCK, SHARED_DATA_DIR } from "./postgres-session.ts";

/** Bridges the moment between two test files, and a developer's next run. */
const IDLE_MS = 5_000;
const LOOK_MS = 500;

/** Test data: losing it with the machine costs nothing, and each commit is milliseconds faster. */
const SETTINGS = {
  fsync: "off",
  full_page_writes: "off",
  synchronous_commit: "off",
  max_connections: "300",
  autovacuum_naptime: "10s",
};

const log = (line: string) => appendFileSync(`${SHARED_DATA_DIR}.keeper.log`, `${process.pid} ${line}\n`);

async function start(): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({ dataDir: SHARED_DATA_DIR, settings: SETTINGS, log });
}

/** Without fsync a power cut may have broken the data: it is only test data, so begin with none. */
async function startAfresh(error: unknown): Promise<EmbeddedPostgres> {
  if (lockHolder(`${SHARED_DATA_DIR}.lock`) !== undefined) throw error;
  log(`starting with empty data after: ${String(error)}`);
  for (const path of [SHARED_DATA_DIR, `${SHARED_DATA_DIR}.json`]) rmSync(path, { recursive: true, force: true });
  return start();
}

/** Resolves holding the lock exclusively: nobody uses the server, and whoever comes now waits, then starts anew. */
async function untilUnused(client: Client): Promise<void> {
  let idleSince = performance.now();
  for (;;) {
    const { rows } = await client.query<{ unused: boolean }>(`select pg_try_advisory_lock(${LEASE_LOCK}) as unused`);
    if (!rows[0]?.unused) idleSince = performance.now() + LOOK_MS;
    else if (performance.now() - idleSince > IDLE_MS) return;
    else await client.query(`select pg_advisory_unlock(${LEASE_LOCK})`);
    await sleep(LOOK_MS);
  }
}

async function dropLeftovers(client: Client): Promise<void> {
  const { rows } = await client.query<{ datname: string }>(
    "select datname from pg_database where starts_with(datname, 't_')",
  );
  for (const { datname } of rows) await client.query(`drop database if exists ${datname} with (force)`);
}

async function keep(server: EmbeddedPostgres): Promise<void> {
  const client = new Client({ connectionString: server.url });
  client.on("error", () => undefined);
  await client.connect();
  await untilUnused(client);
  await dropLeftovers(client);
  // The connection, and with it the lock, is left for the shutdown to end: nobody gets in before it.
}

if (import.meta.main) {
  const server = await start().catch(startAfresh);
  if (server.owner) {
    await reapOwnServers();
    await keep(server).catch((error: unknown) => log(String(error)));
    await reapOwnServers();
    await server.stop();
  }
}
