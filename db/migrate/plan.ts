// What `make migrate` would do, found out by looking only: the connection is read-only, so nothing can be changed.
import pg from "pg";
import { connection } from "../pinned.ts";
import { pendingFiles } from "./bookkeeping.ts";
import type { MigrationFile } from "./files.ts";
import { FINDINGS } from "./findings.ts";
import { faultsOf } from "./fit.ts";
import { count } from "./progress.ts";

/** One line per thing to do; empty when the database is current. */
export async function planMigration(url: string): Promise<string[]> {
  const client = new pg.Client({
    ...connection(url, "-c TimeZone=UTC -c default_transaction_read_only=on -c statement_timeout=0"),
    application_name: "ringpost migrate plan",
  });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const lines = (await faultsOf(client)).map((fault) => `not possible yet: ${fault}`);
    for (const file of await pendingFiles(client)) lines.push(file.tag, ...(await planFile(client, file)));
    return lines;
  } finally {
    await client.end();
  }
}

async function planFile(client: pg.Client, file: MigrationFile): Promise<string[]> {
  const sql = file.steps.map((step) => step.sql).join("\n");
  const tables = await missing(client, named(sql, /create table if not exists (\w+)/gi));
  const indexes = file.steps.flatMap((step) => step.index ?? []);
  const toBuild = await missing(client, indexes);
  const columns = await missingColumns(client, sql);
  const changes = await definitions(client, sql);
  const invalid = await invalidOf(client, indexes);
  const rows = file.steps.some((step) => step.run.kind !== "once") ? await findings(client) : [];
  return [
    ...(tables.length > 0 ? [`  create tables ${tables.join(", ")}`] : []),
    ...columns.map(([table, names]) => `  add to ${table}: ${names.join(", ")}`),
    ...changes,
    ...invalid.map((name) => `  drop and build again the invalid index ${name}`),
    ...(toBuild.length > 0 ? [`  build indexes, beside the running CRM: ${toBuild.join(", ")}`] : []),
    ...rows,
  ];
}

const named = (sql: string, pattern: RegExp) => [...sql.matchAll(pattern)].map((match) => match[1] ?? "");

async function missing(client: pg.Client, relations: string[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    "select name from unnest($1::text[]) with ordinality as n (name, place) where to_regclass(name) is null order by place",
    [relations],
  );
  return rows.map((row) => row.name);
}

async function invalidOf(client: pg.Client, indexes: string[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    "select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid where not i.indisvalid and c.oid in (select to_regclass(n) from unnest($1::text[]) n)",
    [indexes],
  );
  return rows.map((row) => row.name);
}

/** Of tables that exist; those of a new table are its own. */
async function missingColumns(client: pg.Client, sql: string): Promise<[string, string[]][]> {
  const found: [string, string[]][] = [];
  for (const [, table = "", clauses = ""] of sql.matchAll(
    /alter table (\w+)((?:\s+add column if not exists [^;]+)+);/gi,
  )) {
    const { rows } = await client.query<{ name: string }>(
      `select name from unnest($2::text[]) with ordinality as n (name, place)
        where to_regclass($1) is not null
          and not exists (select from pg_attribute where attrelid = to_regclass($1) and attname = name and not attisdropped)
        order by place`,
      [table, named(clauses, /add column if not exists (\w+)/gi)],
    );
    if (rows.length > 0) found.push([table, rows.map((row) => row.name)]);
  }
  return found;
}

/** What a file's loops over the catalog would do: their own queries. */
async function definitions(client: pg.Client, sql: string): Promise<string[]> {
  const lines: string[] = [];
  for (const [, query = ""] of sql.matchAll(/for odd in\s([\s\S]+?)\n\s*loop\n/g)) {
    const { rows } = await client.query<{ of_table: string; clauses: string; refused: string | null }>(query);
    for (const { of_table, clauses, refused } of rows)
      lines.push(
        refused === null ? `  change ${of_table}: ${clauses}` : `  not possible yet: ${refused} (${of_table})`,
      );
  }
  return lines;
}

async function findings(client: pg.Client): Promise<string[]> {
  const lines: string[] = [];
  for (const finding of FINDINGS) {
    const { rows: there } = await client.query<{ ok: boolean }>(
      "select bool_and(to_regclass(t) is not null) as ok from unnest($1::text[]) t",
      [finding.of],
    );
    if (!there[0]?.ok) continue;
    const { rows } = await client.query<{ what: string; n: string }>(finding.sql);
    for (const { what, n } of rows) if (Number(n) > 0) lines.push(`  ${finding.verb} ${count(Number(n))} ${what}`);
  }
  return lines;
}
