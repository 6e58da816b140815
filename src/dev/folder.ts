// The database that a command works on: the one that is configured, else the embedded one of this folder.
import { join } from "node:path";
import type { Config } from "../config.ts";
import { databaseName } from "./databaseName.ts";
import { startEmbeddedPostgres } from "./postgres.ts";

export interface FolderDatabase {
  url: string;
  /** Stops the embedded server if this process started it. */
  stop(): Promise<void>;
}

export async function folderDatabase(config: Config, log: (line: string) => void = () => {}): Promise<FolderDatabase> {
  if (config.databaseUrl) return { url: config.databaseUrl, stop: async () => {} };
  return await startEmbeddedPostgres({ dataDir: join(config.dataDir, "postgres"), log });
}

/** Somebody who meant a server forgot DATABASE_URL. On standard error: what such a command prints may be read by others. */
export function tellDatabase(config: Config, url: string): void {
  if (config.databaseUrl) return;
  console.error(`DATABASE_URL is not set: this is the database of ${config.dataDir} (${databaseName(url)})`);
}
