// API and worker never migrate: on an older schema they say so and end.
import { openDatabase, type Database } from "../../db/client.ts";
import { pendingMigrations } from "../../db/migrate/bookkeeping.ts";
import { CodedError } from "../errors.ts";

export async function requireCurrentSchema(db: Database): Promise<void> {
  const pending = await pendingMigrations(db.$client);
  if (pending.length === 0) return;
  throw new CodedError(
    "database.outdated",
    `The database's schema is older than this program (missing: ${pending.join(", ")}). Run: make migrate`,
  );
}

/** The same, with a connection for this question alone. */
export async function requireCurrentSchemaAt(databaseUrl: string): Promise<void> {
  const db = openDatabase({ url: databaseUrl, name: "ringpost start", max: 1 });
  await requireCurrentSchema(db).finally(() => db.$client.end());
}
