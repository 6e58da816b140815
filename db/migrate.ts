// Brings a database to the newest schema, with the CRM running: ours file by file, then Graphile Worker's. Any number of
// processes may do so at once; one works, the others wait. Killed anywhere, the next run goes on.
import { runMigrations } from "graphile-worker";
import pg from "pg";
import { pgCode } from "./pgErrors.ts";
import { MIGRATE_LOCK } from "./locks.ts";
import { pendingFiles, prepareBookkeeping, recordFile } from "./migrate/bookkeeping.ts";
import { migrationFiles, type MigrationFile } from "./migrate/files.ts";
import { requireFit } from "./migrate/fit.ts";
import type { Report } from "./migrate/progress.ts";
import type { Runner } from "./migrate/runner.ts";
import { runStep } from "./migrate/step.ts";
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
/** How often a file's rules may find new bad rows, written by the old application while it ran. */
const MAX_VIOLATIONS = 10;

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
    for (const file of pending) {
      report(file.tag);
      await runFile(runner, file);
      await recordFile(client, file);
    }
    await restoreDoor(runner);
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
    connectionString: url,
    application_name: "ringpost migrate",
    options: "-c TimeZone=UTC -c client_min_messages=warning -c statement_timeout=0",
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

/** Class 23: a constraint refused, or an index found two where there must be one. */
const isViolation = (error: unknown) => pgCode(error)?.startsWith("23") ?? false;

async function runFile(runner: Runner, file: MigrationFile): Promise<void> {
  for (let violations = 0; ; violations++) {
    try {
      for (const step of file.steps) await runStep(runner, step);
      return;
    } catch (error) {
      const cure = migrationFiles().find((other) => other.tag === file.afterViolation);
      if (!cure || !isViolation(error) || violations === MAX_VIOLATIONS) throw error;
      runner.report("  rows have come that break a rule: cleaning once more");
      await runFile(runner, cure);
    }
  }
}

/** All that makes something in the schema ringpost for the running system, in order: later ones replace what earlier ones made. */
const DOOR = [
  "0003_tenant_door",
  "0040_add_job",
  "0041_lookups",
  "0042_end_calls_if_stopped",
  "0043_caller_id_of_another",
];
const DOOR_VIEWS = 7;

/**
 * A view keeps the columns that it shows from changing their type. Who must change one in the CRM's tables drops ours
 * (`drop schema ringpost cascade`), and the next migration puts them back: the files can run on any state.
 */
async function restoreDoor(runner: Runner): Promise<void> {
  const { rows } = await runner.client.query<{ views: number }>(
    "select count(*)::int as views from pg_class where relkind = 'v' and relnamespace = to_regnamespace('ringpost')",
  );
  if ((rows[0]?.views ?? 0) >= DOOR_VIEWS) return;
  for (const file of migrationFiles()) if (DOOR.includes(file.tag)) await runFile(runner, file);
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
