// What a database really looks like, from Postgres' own catalogs: for comparing two databases, or one with schema.ts.
import pg from "pg";

export interface Catalog {
  columns: string[];
  constraints: string[];
  indexes: string[];
  policies: string[];
}

/** Ours: the public schema without what Graphile and Drizzle keep in their own. */
export async function readCatalog(url: string): Promise<Catalog> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const list = async (text: string) => (await client.query<{ line: string }>(text)).rows.map((r) => r.line);
    return {
      columns: await list(`
        select format('%s.%s %s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                      case when a.attnotnull then ' not null' else '' end,
                      coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')) as line
          from pg_attribute a
          join pg_class c on c.oid = a.attrelid
          left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
         where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
         order by 1`),
      constraints: await list(`
        select format('%s %s%s', conrelid::regclass, pg_get_constraintdef(oid), case when convalidated then '' else ' not valid' end) as line
          from pg_constraint
         where connamespace = 'public'::regnamespace and conrelid <> 0
         order by 1`),
      indexes: await list(`
        select pg_get_indexdef(i.indexrelid) || case when i.indisvalid then '' else ' invalid' end as line
          from pg_index i join pg_class c on c.oid = i.indrelid
         where c.relnamespace = 'public'::regnamespace
         order by 1`),
      policies: await list(`
        select format('%s %s %s %s %s %s', tablename, policyname, permissive, cmd, qual, with_check) as line
          from pg_policies where schemaname = 'public' order by 1`),
    };
  } finally {
    await client.end();
  }
}
