// Asks whoever listens on a port whether it is the server of this data directory.

import { Client } from "pg";
import { DATABASE, type Secrets, urlOf } from "./secrets.ts";

const TIMEOUT_MS = 2_000;

export type Found = { pid: number; hasDatabase: boolean };

/** Undefined: nobody there, not ready, or somebody else's server. A wrong password is somebody else's server too. */
export async function probe(secrets: Secrets, dataDir: string): Promise<Found | undefined> {
  return withClient(secrets, async (client) => {
    const { rows } = await client.query<{ folder: string; pid: number; has_database: boolean }>(
      `select current_setting('data_directory')                               as folder,
              split_part(pg_read_file('postmaster.pid'), e'\\n', 1)::int      as pid,
              exists (select from pg_database where datname = $1)             as has_database`,
      [DATABASE],
    );
    const [row] = rows;
    return row?.folder === dataDir ? { pid: row.pid, hasDatabase: row.has_database } : undefined;
  }).catch(() => undefined);
}

export async function createDatabase(secrets: Secrets): Promise<void> {
  await withClient(secrets, (client) => client.query(`create database ${DATABASE}`));
}

async function withClient<T>(secrets: Secrets, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    connectionString: urlOf(secrets, "postgres"),
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS * 5,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
