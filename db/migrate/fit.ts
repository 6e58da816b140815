// What a database must have before anything in it is changed. All that is missing is told at once, with what to do.
import { getTableColumns, getTableName } from "drizzle-orm";
import type pg from "pg";
import { MigrationRefused } from "../refused.ts";
import { keysInTheWay } from "./references.ts";
import { business, callLog, jobs, leads, outboundLeadLists, runs, users } from "../schema.ts";

const OLDEST_POSTGRES = 140_000;
const CRM = [business, users, outboundLeadLists, leads, callLog];
const TABLES = [...CRM, runs, jobs].map(getTableName);
/** These get columns or indexes, which only an owner may add. */
const CHANGED = [leads, callLog, runs, jobs].map(getTableName);

type Client = Pick<pg.Client, "query">;

/** @throws MigrationRefused */
export async function requireFit(client: Client): Promise<void> {
  const faults = await faultsOf(client);
  if (faults.length > 0) throw new MigrationRefused(["This database cannot be migrated yet:", ...faults].join("\n  "));
}

/** One line for each; empty when nothing is in the way. Tables that are missing will be made, and are no fault. */
export async function faultsOf(client: Client): Promise<string[]> {
  const faults = await definitionFaults(client);
  return faults.length > 0 ? faults : await keysInTheWay(client);
}

async function definitionFaults(client: Client): Promise<string[]> {
  const list = async (sql: string, ...values: unknown[]) =>
    (await client.query<{ fault: string }>(sql, values)).rows.map(({ fault }) => fault);
  const columns = CRM.flatMap((table) =>
    Object.values(getTableColumns(table)).map((c) => [getTableName(table), c.name]),
  );
  return [
    ...(await list(
      `select 'Postgres ' || current_setting('server_version') || ' is too old: 14 or newer is needed' as fault
        where current_setting('server_version_num')::int < $1`,
      OLDEST_POSTGRES,
    )),
    ...(await list(
      `select format('the tables are in several schemas (%s): only one can be the first of the search_path', string_agg(distinct n.nspname::text, ', ')) as fault
         from unnest($1::text[]) t join pg_class c on c.oid = to_regclass(t) join pg_namespace n on n.oid = c.relnamespace
       having count(distinct n.oid) > 1`,
      TABLES,
    )),
    ...(await list(
      `select format('%s is not an ordinary table', c.oid::regclass) as fault
         from unnest($1::text[]) t join pg_class c on c.oid = to_regclass(t) where c.relkind <> 'r'`,
      TABLES,
    )),
    ...(await list(
      `select format('%s belongs to %I: run make migrate as a user that is a member of it', c.oid::regclass, pg_get_userbyid(c.relowner)) as fault
         from unnest($1::text[]) t join pg_class c on c.oid = to_regclass(t) where not pg_has_role(c.relowner, 'USAGE')`,
      CHANGED,
    )),
    ...(await list(
      `select format('%s is not allowed to us: grant select, references on %s to %I', c.oid::regclass, c.oid::regclass, current_user) as fault
         from unnest($1::text[]) t join pg_class c on c.oid = to_regclass(t)
        where not has_table_privilege(c.oid, 'SELECT') or not has_table_privilege(c.oid, 'REFERENCES')`,
      TABLES,
    )),
    ...(await list(
      `select format('%s may not create schemas in this database: grant create on database %I to %I', current_user, current_database(), current_user) as fault
        where not has_database_privilege(current_database(), 'CREATE')
          and (to_regnamespace('ringpost') is null or to_regnamespace('drizzle') is null or to_regnamespace('graphile_worker') is null)`,
    )),
    ...(await list(
      `select format('%s has no column %s', t, string_agg(c, ', ' order by c)) as fault
         from unnest($1::text[], $2::text[]) as want (t, c)
        where to_regclass(t) is not null
          and not exists (select from pg_attribute where attrelid = to_regclass(t) and attname = c and not attisdropped)
        group by t order by t`,
      columns.map(([table]) => table),
      columns.map(([, column]) => column),
    )),
    ...(await list(
      `select format('%s has no unique index on %s alone', t, c) as fault
         from unnest($1::text[], $2::text[]) as want (t, c)
         join pg_attribute a on a.attrelid = to_regclass(t) and a.attname = c
        where not exists (select from pg_index i where i.indrelid = a.attrelid and i.indisunique and i.indisvalid and i.indpred is null
                             and i.indkey::text = a.attnum::text)`,
      [...TABLES, getTableName(callLog)],
      [...TABLES.map(() => "id"), "call_sid"],
    )),
  ];
}
