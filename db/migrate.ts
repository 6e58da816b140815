// Brings a database to the newest schema: ours through Drizzle, then Graphile Worker's. Any number of processes may
// do so at once; one works, the others wait.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import { runMigrations } from "graphile-worker";
import pg from "pg";
import { MIGRATE_LOCK } from "./locks.ts";
import { ensureRequestRole } from "./requestRole.ts";

const FOLDER = fileURLToPath(new URL("./migrations", import.meta.url));
const LOCK_POLL_MS = 50;

export interface Migrated {
  /** Files applied by this call, by name; empty when there was nothing to do. */
  applied: string[];
}

/**
 * Safe to repeat and to run from many processes at once. Throws RequestRoleMissing, or what Postgres throws; a failed
 * file leaves no trace.
 */
export async function migrateDatabase(url: string): Promise<Migrated> {
  // A connection of its own: Drizzle takes no lock, and a pool could run its statements outside of ours.
  const client = new pg.Client({
    connectionString: url,
    application_name: "ringpost migrate",
    options: "-c TimeZone=UTC",
  });
  client.on("error", () => {});
  await client.connect();
  try {
    await lock(client);
    await ensureRequestRole(client);
    const before = await appliedMillis(client);
    await migrate(drizzle(client), { migrationsFolder: FOLDER });
    await restoreDoor(client);
    await runMigrations({ connectionString: url, noHandleSignals: true });
    return {
      applied: journal()
        .filter((e) => e.when > before)
        .map((e) => e.tag),
    };
  } finally {
    await client.end();
  }
}

/** Which of our files the database still lacks; empty when it is current. A database without our tables lacks all. */
export async function pendingMigrations(client: { query: pg.Pool["query"] }): Promise<string[]> {
  const before = await appliedMillis(client);
  return journal()
    .filter((e) => e.when > before)
    .map((e) => e.tag);
}

const DOOR = "0003_tenant_door";
const DOOR_VIEWS = 6;

/**
 * A view keeps the columns that it shows from changing their type. Who must change one in the CRM's tables drops ours
 * (`drop schema ringpost cascade`), and the next migration puts them back: the file can run on any state.
 */
async function restoreDoor(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ views: number }>(
    "select count(*)::int as views from pg_class where relkind = 'v' and relnamespace = to_regnamespace('ringpost')",
  );
  // Many statements in one query are one transaction.
  if ((rows[0]?.views ?? 0) < DOOR_VIEWS) await client.query(readFileSync(`${FOLDER}/${DOOR}.sql`, "utf8"));
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

async function appliedMillis(client: { query: pg.Pool["query"] }): Promise<number> {
  const { rows: found } = await client.query<{ there: boolean }>(
    "select to_regclass('drizzle.__drizzle_migrations') is not null as there",
  );
  if (!found[0]?.there) return 0;
  const { rows } = await client.query<{ newest: string | null }>(
    "select max(created_at) as newest from drizzle.__drizzle_migrations",
  );
  return Number(rows[0]?.newest ?? 0);
}

function journal(): { tag: string; when: number }[] {
  const text = readFileSync(`${FOLDER}/meta/_journal.json`, "utf8");
  return (JSON.parse(text) as { entries: { tag: string; when: number }[] }).entries;
}
