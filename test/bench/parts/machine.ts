// Where and with what it was measured: figures of two runs can only be compared when these are alike.
import { execFileSync } from "node:child_process";
import { availableParallelism, cpus, totalmem } from "node:os";
import { sql } from "drizzle-orm";
import { row, type Database } from "../../../db/client.ts";
import { percentile, rounded } from "./statistics.ts";
import { timed } from "./timed.ts";

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

const ASKED = 500;

/**
 * What this machine takes for the two things that every step consists of: a round trip to the server, and a commit that waits
 * for the disk. Medians in milliseconds, one connection, nothing else at work: they tell a slow day from a slow change.
 */
export async function serverSpeed(db: Database): Promise<{ round_trip_ms: number; commit_ms: number }> {
  const median = async (sql: string) => {
    const took: number[] = [];
    for (let n = 0; n < ASKED; n++) took.push((await timed(() => db.$client.query(sql))).ms);
    return rounded(percentile(took, 0.5), 2);
  };
  return { round_trip_ms: await median("select 1"), commit_ms: await median("select pg_current_xact_id()") };
}
