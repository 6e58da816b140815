// Runs one step of a migration file, each in its own way, so that it can be killed anywhere and be run again.
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import type { Step } from "./files.ts";
import { buildIndex } from "./indexBuild.ts";
import { patiently } from "./patience.ts";
import { count, walkProgress } from "./progress.ts";
import type { Runner } from "./runner.ts";

/**
 * A walk's transaction holds its rows for as long as it takes, and whoever wants one of them waits. How many rows that
 * are differs a thousandfold (a run may have a hundred thousand jobs to count), so the batch follows the clock.
 */
const BATCH_MS = 80;
const FIRST_BATCH = 50;
const LARGEST_BATCH = 5_000;
const LONGEST_REST_MS = 500;

export async function runStep(runner: Runner, step: Step): Promise<void> {
  if (step.run.kind === "walk") return await walk(runner, step, step.run);
  if (step.run.kind === "repeat") return await repeat(runner, step, step.run.note);
  if (step.index) return await buildIndex(runner, step, step.index);
  await patiently(runner.client, step, runner.report, () => runner.client.query(step.sql));
  await runner.after();
}

async function walk(runner: Runner, step: Step, { table, note }: { table: string; note: string }): Promise<void> {
  const { client, report } = runner;
  const tell = walkProgress(report, note);
  const { rows } = await client.query<{ low: number | null; high: number | null }>(
    `select min(id) - 1 as low, max(id) as high from ${table}`,
  );
  const { low, high } = rows[0] ?? { low: null, high: null };
  if (low === null || high === null) return;
  let changed = 0;
  for (let from = low, size = FIRST_BATCH; from < high;) {
    const to = await batchEnd(client, table, from, high, size);
    const since = performance.now();
    changed += await counted(runner, step, [from, to]);
    const ms = performance.now() - since;
    size = nextSize(size, ms);
    from = to;
    // Half of the time is the CRM's: a database that only backfills makes everybody slow without a single lock.
    await sleep(Math.min(ms, LONGEST_REST_MS));
    tell((from - low) / (high - low), changed);
  }
  if (changed > 0) report(`  ${count(changed)} ${note}`);
}

/** At most twice as many rows as before, and at least a fifth of them. */
function nextSize(size: number, ms: number): number {
  return Math.ceil(Math.min(size * Math.max(0.2, Math.min(2, BATCH_MS / ms)), LARGEST_BATCH));
}

/** Ids may have gaps of any width: a batch is so many rows, not so many ids. */
async function batchEnd(client: pg.Client, table: string, from: number, high: number, size: number): Promise<number> {
  const { rows } = await client.query<{ id: number | null }>(
    `select max(id) as id from (select id from ${table} where id > $1 order by id limit ${size}) next`,
    [from],
  );
  return Math.min(rows[0]?.id ?? high, high);
}

async function repeat(runner: Runner, step: Step, note: string): Promise<void> {
  let changed = 0;
  const tell = walkProgress(runner.report, note);
  for (;;) {
    const now = await counted(runner, step, []);
    if (now === 0) break;
    tell(0, (changed += now));
  }
  if (changed > 0) runner.report(`  ${count(changed)} ${note}`);
}

/** The step's own count of what it changed: its first column. */
async function counted(runner: Runner, step: Step, values: number[]): Promise<number> {
  const result = await patiently(runner.client, step, runner.report, () =>
    runner.client.query<{ n: number }>(step.sql, values),
  );
  await runner.after();
  return result.rows[0]?.n ?? 0;
}
