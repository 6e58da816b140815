// A fresh migrated database for one test file, dropped at its end.
import { randomBytes } from "node:crypto";
import pg from "pg";
import { openDatabase, type Database } from "../../db/client.ts";
import { migrateDatabase } from "../../db/migrate.ts";

const SERVER = process.env["TEST_PG"] ?? "postgres://postgres@127.0.0.1:55432";

export async function freshDatabase(t: { after(close: () => Promise<void>): void }): Promise<Database> {
  const name = `api_${randomBytes(6).toString("hex")}`;
  await asAdmin(`create database ${name}`);
  const url = `${SERVER}/${name}`;
  await migrateDatabase(url);
  const db = openDatabase({ url, name: "test", max: 5 });
  t.after(async () => {
    await db.$client.end();
    await asAdmin(`drop database if exists ${name} with (force)`);
  });
  return db;
}

async function asAdmin(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${SERVER}/postgres` });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
