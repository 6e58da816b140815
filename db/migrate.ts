// Brings a database to the newest schema, with the CRM running: ours file by file, then Graphile Worker's. Any number of
// processes may do so at once; one works, the others wait. Killed anywhere, the next run goes on.
import { runMigrations } from "graphile-worker";
import pg from "pg";
import { MIGRATE_LOCK } from "./locks.ts";
import { pendingFiles, prepareBookkeeping, recordFile } from "./migrate/bookkeeping.ts";
import { markDoorWhole, restoreDoor } from "./migrate/door.ts";
import { migrationFiles } from "./migrate/files.ts";
import { requireFit } from "./migrate/fit.ts";
import type { Report } from "./migrate/progress.ts";
import type { Runner } from "./migrate/runner.ts";
import { runFile } from "./migrate/runFile.ts";
import { connection } from "./pinned.ts";
import { MigrationRefused } from "./refused.ts";
import { ensureRequestRole } from "./requestRole.ts";

export interface Migrated {
  /** Files applied by this call, by name; empty when there was nothing to do. */
  applied: string[];
}

export interface MigrateOptions {
  /** Told what is being done, and what was changed. */
  report?: Report;
  /** Called after each statement: where a test kills. */
  after?: Runner["after"];
}

const OLD_ROWS = "0020_old_rows";
const LOCK_POLL_MS = 50;

/**
 * Safe to repeat and to run from many processes at once. Throws MigrationRefused, or what Postgres throws; what was
 * done until then stays, and the next run goes on from there.
 */
export async function migrateDatabase(url: string, options: MigrateOptions = {}): Promise<Migrated> {
  const { report = () => {}, after = () => {} } = options;
  const client = await connectMigrator(url, report);
  try {
    await lock(client);
    await requireFit(client);
    await ensureRequestRole(client);
    const runner = { client, url, pid: await backendPid(client), report, after };
    await prepareBookkeeping(client);
    const pending = await pendingFiles(client);
    await restoreDoor(runner, pending);
    for (const file of pending) {
      report(file.tag);
      await runFile(runner, file);
      await recordFile(client, file);
    }
    await markDoorWhole(client);
    await runMigrations({ connectionString: url, noHandleSignals: true });
    return { applied: pending.map((file) => file.tag) };
  } catch (error) {
    throw MigrationRefused.of(error) ?? error;
  } finally {
    await client.end();
  }
}

/**
 * The old system's rows once more, as 0020 does it: what its application has written since the migration, in words of its
 * own, before its runs are handed over.
 */
export async function cleanOldRows(url: string, report: Report = () => {}): Promise<void> {
  const client = await connectMigrator(url, report);
  try {
    await lock(client);
    const file = migrationFiles().find(({ tag }) => tag === OLD_ROWS);
    if (file) await runFile({ client, url, pid: await backendPid(client), report, after: () => {} }, file);
  } finally {
    await client.end();
  }
}

/** A connection of its own: the lock and the helpers of a file belong to the session. */
async function connectMigrator(url: string, report: Report): Promise<pg.Client> {
  const client = new pg.Client({
    ...connection(
      url,
      "-c TimeZone=UTC -c synchronous_commit=on -c client_min_messages=warning -c statement_timeout=0",
    ),
    application_name: "ringpost migrate",
  });
  client.on("error", () => {});
  client.on("notice", ({ message }) => report(`  ${message}`));
  await client.connect();
  await standBesideTheCrm(client);
  return client;
}

/**
 * `create table if not exists` looks into the first schema of the search_path alone. A user with a schema of its own name
 * would get a second, empty set of tables there, so the schema of the tables that exist comes first.
 */
async function standBesideTheCrm(client: pg.Client): Promise<void> {
  await client.query(
    `select set_config('search_path', concat_ws(', ', quote_ident(n.nspname), nullif(current_setting('search_path'), '')), false)
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.oid = coalesce(to_regclass('business'), to_regclass('outbound_call_runs'))`,
  );
}

async function backendPid(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid ?? 0;
}

// Waiting in pg_advisory_lock would deadlock with CREATE INDEX CONCURRENTLY, which waits for every older snapshot.
async function lock(client: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ ok: boolean }>("select pg_try_advisory_lock($1, $2) as ok", [
      ...MIGRATE_LOCK,
    ]);
    if (rows[0]?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
  }
}
