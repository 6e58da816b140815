// `make migrate`: brings the database to the newest schema. Safe to repeat, and to run from many machines at once.
import { migrateDatabase } from "../../db/migrate.ts";
import { readConfig } from "../config.ts";
import { folderDatabase } from "../dev/folder.ts";

export async function migrateCommand(): Promise<void> {
  const config = readConfig();
  const database = await folderDatabase(config);
  try {
    const { applied } = await migrateDatabase(database.url);
    console.log(applied.length > 0 ? `applied ${applied.join(", ")}` : "the schema is current");
  } finally {
    await database.stop();
  }
}
