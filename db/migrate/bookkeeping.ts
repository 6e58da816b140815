// Which files a database has had: Drizzle's own table, one row per file, so that its tools agree with ours.
import type pg from "pg";
import { migrationFiles, type MigrationFile } from "./files.ts";

type Client = Pick<pg.Pool, "query">;

/** Which files the database still lacks, in their order; a database without our tables lacks all. */
export async function pendingFiles(client: Client): Promise<MigrationFile[]> {
  const { rows: found } = await client.query<{ there: boolean }>(
    "select to_regclass('drizzle.__drizzle_migrations') is not null as there",
  );
  if (!found[0]?.there) return migrationFiles();
  const { rows } = await client.query<{ when: string }>("select created_at as when from drizzle.__drizzle_migrations");
  const applied = new Set(rows.map((r) => Number(r.when)));
  // By presence and not by the newest, as Drizzle would: a branch that is merged later brings files older than the newest.
  return migrationFiles().filter((file) => !applied.has(file.when));
}

/** Their names; empty when the database is current. */
export async function pendingMigrations(client: Client): Promise<string[]> {
  return (await pendingFiles(client)).map((file) => file.tag);
}

export async function prepareBookkeeping(client: Client): Promise<void> {
  await client.query("create schema if not exists drizzle");
  await client.query(
    "create table if not exists drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)",
  );
}

export async function recordFile(client: Client, file: MigrationFile): Promise<void> {
  await client.query("insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)", [
    file.hash,
    file.when,
  ]);
}
