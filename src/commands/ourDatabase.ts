// API and worker never migrate: on an older schema they say so and end. Nor do they work where a setting that the
// invariants rest on is another.
import { openDatabase, type Database } from "../../db/client.ts";
import { pendingMigrations } from "../../db/migrate/bookkeeping.ts";
import { notPinned } from "../../db/pinned.ts";
import { CodedError } from "../errors.ts";

export async function requireOurDatabase(db: Database): Promise<void> {
  const wrong = await notPinned(db.$client);
  if (wrong.length > 0)
    throw new CodedError(
      "database.settings",
      `DATABASE_URL leads to a connection with ${wrong.join(", ")}: a pooler has dropped the startup parameter "options". Connect to Postgres directly, or set them on the database role (README, PgBouncer)`,
    );
  const pending = await pendingMigrations(db.$client);
  if (pending.length === 0) return;
  throw new CodedError(
    "database.outdated",
    `The database's schema is older than this program (missing: ${pending.join(", ")}). Run: make migrate`,
  );
}

/** The same, with a connection for this question alone. */
export async function requireOurDatabaseAt(databaseUrl: string): Promise<void> {
  const db = openDatabase({ url: databaseUrl, name: "ringpost start", max: 1 });
  await requireOurDatabase(db).finally(() => db.$client.end());
}
