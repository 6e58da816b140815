// A database as the migrations leave it, cloned from a template that is made once for each state of db/migrations.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { migrateDatabase } from "../../db/migrate.ts";
import { freshDatabase, type FreshDatabase, type Scope } from "./postgres.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The key of the template: everything that decides what a migrated database looks like. */
function migrationsHash(): string {
  const hash = createHash("sha256");
  const folder = `${ROOT}/db/migrations`;
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((f) => /\.(sql|json)$/.test(f));
  for (const file of files.sort()) hash.update(file).update(readFileSync(`${folder}/${file}`));
  return hash
    .update(readFileSync(`${ROOT}/db/migrate.ts`))
    .update(readFileSync(`${ROOT}/node_modules/graphile-worker/package.json`))
    .digest("hex");
}

export async function migratedDatabase(t: Scope): Promise<FreshDatabase> {
  const prepare = async (url: string) => void (await migrateDatabase(url));
  return await freshDatabase(t, { template: { name: "migrated", key: migrationsHash(), prepare } });
}
