// What a row happens on: a fresh, migrated database in the embedded Postgres with the settings that `make run` gives it,
// the carrier's stand-in as a process of its own, and the product's processes, started when the row wants them.
import { join } from "node:path";
import { openDatabase, type Database } from "../../../db/client.ts";
import { migrateDatabase } from "../../../db/migrate.ts";
import { startEmbeddedPostgres } from "../../../src/dev/postgres.ts";
import { freePort } from "../../../src/dev/postgres/port.ts";
import type { StandInOptions } from "../../../src/dev/twilio/options.ts";
import { spawnStandIn } from "../../../src/dev/twilio/spawn.ts";
import type { StandIn } from "../../../src/dev/twilio/standIn.ts";
import type { Scope } from "../../support/postgres.ts";
import type { Bench } from "../row.ts";
import { BENCH_FOLDER, PROFILING, startChild, type Child } from "./child.ts";
import { serverSettings, serverSpeed } from "./machine.ts";
import { SECRET } from "./people.ts";

export interface Stage {
  url: string;
  db: Database;
  /** NaN when the database is a test's. */
  postgresPid: number;
  carrier: StandIn & { pid: number };
  apiUrl: string;
  /** The environment of every process. */
  env: Record<string, string>;
  /** Starts a process and waits until it is ready; it ends in order when the row ends, or when told. */
  start(role: "api" | "worker", env?: Record<string, string>): Promise<Child>;
}

export interface StageOptions {
  carrier?: StandInOptions;
  /** Of the Postgres server, on top of the product's own. */
  settings?: Record<string, string>;
  /** Of every process. */
  env?: Record<string, string>;
}

/** With profiles of our processes comes Postgres' own view of its statements. */
const STATEMENTS: Record<string, string> = PROFILING ? { shared_preload_libraries: "pg_stat_statements" } : {};
const DATABASE = "bench";

let server: Record<string, string | number> = {};
/** The settings of the server that the last row had, and its speed before the first row: the header shows them. */
export const lastServer = (): Record<string, string | number> => server;

export async function setStage(bench: Bench, options: StageOptions = {}): Promise<Stage> {
  const { scope, seed } = bench;
  const { url, pid: postgresPid } = bench.databaseUrl
    ? { url: bench.databaseUrl, pid: Number.NaN }
    : await ownDatabase(scope, { ...STATEMENTS, ...options.settings });
  const db = openDatabase({ url, name: "bench", max: 4, answerWithinMs: 600_000 });
  scope.after(() => db.$client.end());
  const speed = "commit_ms" in server ? {} : await serverSpeed(db);
  server = { ...server, ...speed, ...(await serverSettings(db)) };
  const carrier = await spawnStandIn({ seed, preset: "instant", ...options.carrier });
  scope.after(() => carrier.close());
  const port = await freePort();
  const apiUrl = `http://127.0.0.1:${port}`;
  const env = {
    DATABASE_URL: url,
    PORT: String(port),
    PUBLIC_URL: apiUrl,
    JWT_SECRET: SECRET,
    TWILIO_ACCOUNT_SID: carrier.accountSid,
    TWILIO_AUTH_TOKEN: carrier.authToken,
    TWILIO_API_URL: carrier.url,
    // The highest there is: the carrier's pace is not what is measured here.
    TWILIO_CPS: "unlimited",
    ...options.env,
  };
  let started = 0;
  return {
    url,
    db,
    postgresPid,
    carrier,
    apiUrl,
    env,
    start: (role, more = {}) => startChild(scope, role, `${role}-${++started}`, { ...env, ...more }),
  };
}

async function ownDatabase(scope: Scope, settings: Record<string, string>): Promise<{ url: string; pid: number }> {
  const server = await startEmbeddedPostgres({ dataDir: join(BENCH_FOLDER, "postgres"), settings });
  if (!server.owner) throw new Error("another benchmark is running in this folder");
  scope.after(() => server.stop("fast"));
  const url = await freshDatabase(server.url);
  await migrateDatabase(url);
  return { url, pid: server.pid };
}

/** @returns its address; what a row before, or a bench that was killed, left behind is dropped */
async function freshDatabase(serverUrl: string): Promise<string> {
  const admin = openDatabase({ url: serverUrl, name: "bench", max: 1 });
  try {
    await admin.$client.query(`drop database if exists ${DATABASE} with (force)`);
    await admin.$client.query(`create database ${DATABASE}`);
  } finally {
    await admin.$client.end();
  }
  const url = new URL(serverUrl);
  url.pathname = DATABASE;
  return url.href;
}
