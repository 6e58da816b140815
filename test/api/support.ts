// A fresh migrated database for one test, or with `{ after }` for one file: a clone of a template that is migrated once
// per state of the migrations.
import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { openDatabase, type Database } from "../../db/client.ts";
import { migrateDatabase } from "../../db/migrate.ts";
import { freshDatabase as freshClone } from "../support/postgres.ts";

export async function freshDatabase(t: { after(close: () => Promise<void>): void }): Promise<Database> {
  const hash = createHash("sha256");
  for (const file of globSync("db/migrations/*.sql").sort()) hash.update(readFileSync(file));
  const template = { name: "api", key: hash.digest("hex").slice(0, 16), prepare: migrate };
  const { url } = await freshClone(t, { template });
  const db = openDatabase({ url, name: "test", max: 5 });
  t.after(() => db.$client.end());
  return db;
}

async function migrate(url: string): Promise<void> {
  await migrateDatabase(url);
}
