// Postgres' own view of a row's statements (pg_stat_statements): only when processes are profiled, since it costs a little.
import { sql } from "drizzle-orm";
import { rows, type Database } from "../../../db/client.ts";
import { figure } from "../table.ts";
import { PROFILING } from "./child.ts";

const SHOWN = 25;

export async function resetStatements(db: Database): Promise<void> {
  if (!PROFILING) return;
  await db.execute(sql`create extension if not exists pg_stat_statements`);
  await db.execute(sql`select pg_stat_statements_reset()`);
}

/** The dearest statements, a line each: time and number per call made. Empty when nothing is profiled. */
export async function topStatements(db: Database, calls: number): Promise<string[]> {
  if (!PROFILING) return [];
  const found = await rows<{ query: string; n: number; ms: number; plans: number }>(
    db,
    sql`select regexp_replace(query, '\\s+', ' ', 'g') as query, calls::float8 as n, total_exec_time as ms, plans::float8 as plans
          from pg_stat_statements order by total_exec_time desc limit ${SHOWN}`,
  );
  return found.map(
    ({ query, n, ms }) => `${figure(ms / calls)} ms, ${figure(n / calls)} times per call: ${query.slice(0, 140)}`,
  );
}
