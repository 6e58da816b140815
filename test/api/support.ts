// A fresh migrated database for one test, or with `{ after }` for one file.
import { openDatabase, type Database } from "../../db/client.ts";
import { migratedDatabase } from "../support/migrated.ts";
import type { Scope } from "../support/postgres.ts";

export async function freshDatabase(t: Scope): Promise<Database> {
  const { url } = await migratedDatabase(t);
  const db = openDatabase({ url, name: "test", max: 5 });
  t.after(() => db.$client.end());
  return db;
}
