// Runs one step of a migration file, each in its own way, so that it can be killed anywhere and be run again.
import type pg from "pg";
import type { Step } from "./files.ts";
import { patiently } from "./patience.ts";
import { count, walkProgress, withIndexProgress, type Report } from "./progress.ts";

export interface Runner {
  client: pg.Client;
  url: string;
  pid: number;
  report: Report;
  /** Called after each statement: where a test kills. */
  after: () => Promise<void> | void;
}

/** Rows per transaction of a walk: about 50 ms, which is as long as anybody waits for one of its rows. */
const BATCH = 2_000;

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
  for (let from = low; from < high;) {
    const to = await batchEnd(client, table, from, high);
    changed += await counted(runner, step, [from, to]);
    from = to;
    tell((from - low) / (high - low), changed);
  }
  if (changed > 0) report(`  ${count(changed)} ${note}`);
}

/** Ids may have gaps of any width: a batch is so many rows, not so many ids. */
async function batchEnd(client: pg.Client, table: string, from: number, high: number): Promise<number> {
  const { rows } = await client.query<{ id: number | null }>(
    `select max(id) as id from (select id from ${table} where id > $1 order by id limit ${BATCH}) next`,
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
  return Number(result.rows[0]?.n ?? 0);
}

/** A build that was interrupted leaves an invalid index, which `if not exists` would take for a good one. */
async function buildIndex(runner: Runner, step: Step, name: string): Promise<void> {
  const { client, report } = runner;
  const found = await client.query<{ valid: boolean }>(
    "select indisvalid as valid from pg_index where indexrelid = to_regclass($1)",
    [name],
  );
  if (found.rows[0]?.valid) return;
  if (found.rows[0]) {
    report(`  ${name} was left half built: dropped and built again`);
    await patiently(client, step, report, () => client.query(`drop index concurrently if exists ${name}`));
    await runner.after();
  }
  await patiently(client, step, report, () =>
    withIndexProgress(runner.url, runner.pid, name, report, () => client.query(step.sql)),
  );
  await runner.after();
}
