// Statements of the hot path, named: their text is made once per process and not at every call, and Postgres parses and plans
// it once per connection. Planning one takes longer than running it.
import { is, Placeholder, type SQL } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import pg from "pg";
import type { Queryable } from "./client.ts";

/** A value that is given when the statement runs. */
export type Given = Placeholder;

type Client = { query(config: pg.QueryConfig, values: unknown[]): Promise<pg.QueryResult> };

/**
 * @param name unique in the process, and shown in pg_prepared_statements
 * @param build makes the SQL from the values' placeholders; called once, and only when first needed
 * @returns runs it, and gives its rows; `Row` states what its select list returns: nothing checks it but the tests
 */
export function statement<Values extends object, Row>(
  name: string,
  build: (given: Record<keyof Values & string, Given>) => SQL,
): (on: Queryable, values: Values) => Promise<Row[]> {
  let made: { text: string; params: unknown[] } | undefined;
  return async (on, values) => {
    made ??= compile(build(placeholders<Values>()));
    const { client } = (on as unknown as { session: { client: Client } }).session;
    const params = made.params.map((p) => (is(p, Placeholder) ? Reflect.get(values, p.name) : p));
    const result = await client.query({ name, text: made.text, types: TEXT_TIMES }, params);
    return result.rows as Row[];
  };
}

function placeholders<Values extends object>() {
  return new Proxy({} as Record<keyof Values & string, Given>, {
    get: (_, name) => new Placeholder(String(name)),
  });
}

function compile(built: SQL): { text: string; params: unknown[] } {
  const { sql: text, params } = new PgDialect().sqlToQuery(built);
  return { text, params };
}

const TIMES = new Set<number>([pg.types.builtins.TIMESTAMP, pg.types.builtins.TIMESTAMPTZ]);

/** Times as Postgres writes them, like everywhere else (Drizzle's way). */
const TEXT_TIMES: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    TIMES.has(oid)
      ? (text: string) => text
      : pg.types.getTypeParser(oid, format)) as pg.CustomTypesConfig["getTypeParser"],
};
