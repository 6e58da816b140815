// Where and with what it was measured: figures of two runs can only be compared when these are alike.
import { execFileSync } from "node:child_process";
import { availableParallelism, cpus, totalmem } from "node:os";
import { sql } from "drizzle-orm";
import { row, type Database } from "../../../db/client.ts";

export interface Machine {
  cores: number;
  model: string;
  memory_gb: number;
  node: string;
  commit: string;
}

export const machine = (): Machine => ({
  cores: availableParallelism(),
  model: cpus()[0]?.model ?? "unknown",
  memory_gb: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  commit: commit(),
});

function commit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return git("rev-parse", "--short", "HEAD").trim() + (git("status", "--porcelain").trim() ? " with changes" : "");
  } catch {
    return "unknown";
  }
}

/** The settings of the server that decide what a commit and a scan cost. */
const SETTINGS = [
  "server_version",
  "fsync",
  "synchronous_commit",
  "shared_buffers",
  "max_connections",
  "wal_level",
  "max_wal_size",
  "checkpoint_timeout",
  "autovacuum",
  "jit",
  "shared_preload_libraries",
];

export async function serverSettings(db: Database): Promise<Record<string, string>> {
  const found = await row<{ settings: Record<string, string> }>(
    db,
    sql`select jsonb_object_agg(name, current_setting(name)) as settings from pg_settings
         where name = any (${sql.param(SETTINGS)}::text[])`,
  );
  return found?.settings ?? {};
}
