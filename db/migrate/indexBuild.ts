// Builds one index beside a running CRM. One of that name may be there already: good, half built, or another altogether.
import type pg from "pg";
import type { Step } from "./files.ts";
import { patiently } from "./patience.ts";
import { withIndexProgress } from "./progress.ts";
import type { Runner } from "./runner.ts";

interface Found {
  table: string;
  valid: boolean;
  unique: boolean;
  /** What follows the table's name: method, columns, condition. */
  on: string;
  constraint: string | null;
}

export async function buildIndex(runner: Runner, step: Step, name: string): Promise<void> {
  const { client, report } = runner;
  const run = (sql: string, like: { harmless: boolean } = step) =>
    patiently(client, like, report, () => client.query(sql));
  const found = await find(client, name);
  const old = `${name}_replaced`;
  if (!found || !(await isAsWanted(client, step, found))) {
    if (found?.valid && found.constraint) {
      report(`  ${name} was a rule about other columns: dropped and made anew`);
      await run(`alter table ${found.table} drop constraint ${name}`, { harmless: false });
    } else if (found?.valid) {
      // Whoever reads by it can go on doing so until the new one is there.
      report(`  ${name} was another index: built anew, then dropped`);
      await run(`alter index ${name} rename to ${old}`, { harmless: false });
    }
    await runner.after();
    await patiently(client, step, report, () => createValid(runner, step, name));
    await runner.after();
  }
  if (await find(client, old)) {
    await run(`drop index concurrently if exists ${old}`);
    await runner.after();
  }
}

/**
 * One attempt. A build that failed, as a deadlock's victim for one, leaves an invalid index behind, which
 * `if not exists` would take for the wanted one: so each attempt drops it first.
 */
async function createValid({ client, url, pid, report }: Runner, step: Step, name: string): Promise<void> {
  if ((await find(client, name))?.valid === false) {
    report(`  ${name} was left half built: dropped and built again`);
    await client.query(`drop index concurrently if exists ${name}`);
  }
  await withIndexProgress(url, pid, name, report, () => client.query(step.sql));
  if (!(await find(client, name))?.valid) throw new Error(`the index ${name} was built and is not valid`);
}

async function find(client: pg.Client, name: string): Promise<Found | undefined> {
  const { rows } = await client.query<Found>(
    `select i.indrelid::regclass::text as table, i.indisvalid as valid, i.indisunique as unique,
            substring(pg_get_indexdef(i.indexrelid) from ' USING .*') as on,
            (select conname from pg_constraint where conindid = i.indexrelid and contype in ('u', 'p')) as constraint
       from pg_index i where i.indexrelid = to_regclass($1)`,
    [name],
  );
  return rows[0];
}

const CREATE = /create (unique )?index concurrently if not exists \w+ on (\w+)/i;

/** The CRM's own indexes are good as they are. Ours are compared as Postgres writes them: that of an empty copy of the table. */
async function isAsWanted(client: pg.Client, step: Step, found: Found): Promise<boolean> {
  const [, unique, table = ""] = CREATE.exec(step.sql) ?? [];
  if (!found.valid) return false;
  if (!/^outbound_(?!lead_lists)/.test(table)) return true;
  if (found.table.split(".").at(-1) !== table)
    throw new Error(`the name of an index on ${table} is taken by one on ${found.table}`);
  await client.query("begin");
  try {
    await client.query(`create temporary table ringpost_copy (like ${table})`);
    await client.query(step.sql.replace(CREATE, "create $1index ringpost_copy_index on pg_temp.ringpost_copy"));
    const copy = await find(client, "pg_temp.ringpost_copy_index");
    return copy?.on === found.on && found.unique === Boolean(unique);
  } finally {
    await client.query("rollback");
  }
}
