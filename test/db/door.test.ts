// The CRM drops our schema to change a column. Whatever happens to the migration that puts it back, the next one does.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import pg from "pg";
import { migrateDatabase } from "../../db/migrate.ts";
import { migratedDatabase } from "../support/migrated.ts";
import type { Scope } from "../support/postgres.ts";
import { seeded } from "../support/random.ts";
import { FULL } from "../support/sizes.ts";
import { readCatalog } from "./catalog.ts";

const SEED = 3;
const DROP = "drop schema ringpost cascade";

class Killed extends Error {}

async function open(t: Scope): Promise<{ url: string; client: pg.Client }> {
  const { url } = await migratedDatabase(t);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  t.after(() => client.end());
  return { url, client };
}

/** Everything in the schema, with its rights, and what the tables in public have because of it. */
async function whole(url: string, client: pg.Client): Promise<object> {
  const list = async (sql: string) => (await client.query<{ line: string }>(sql)).rows.map(({ line }) => line);
  return {
    ...(await readCatalog(url)),
    // (Without the two that only the upgrade's own steps call.)
    functions: await list(
      `select concat_ws(' ', pg_get_functiondef(oid), proacl) as line from pg_proc
        where pronamespace = 'ringpost'::regnamespace and proname not in ('job_status_of', 'run_status_of') order by 1`,
    ),
    views: await list(
      `select concat_ws(' ', relname, reloptions, pg_get_viewdef(oid), relacl) as line from pg_class where relnamespace = 'ringpost'::regnamespace order by 1`,
    ),
    rights: await list(
      `select concat_ws(' ', a.attrelid::regclass, a.attname, a.attacl, c.relacl) as line
         from pg_attribute a join pg_class c on c.oid = a.attrelid
        where c.relnamespace in ('ringpost'::regnamespace, 'public'::regnamespace) and coalesce(a.attacl, c.relacl) is not null order by 1`,
    ),
    schema: await list("select concat_ws(' ', nspname, nspacl) as line from pg_namespace where nspname = 'ringpost'"),
  };
}

describe("a dropped schema", () => {
  it("is put back by the second migration when the first was killed after any statement", async (t) => {
    const { url, client } = await open(t);
    const before = await whole(url, client);
    const stride = FULL ? 1 : 6;
    let killed = true;
    let last = FULL ? 1 : 1 + seeded(SEED).below(stride);
    for (; killed; last += stride) {
      await client.query(DROP);
      let left = last;
      const die = () => {
        if (--left === 0) throw new Killed();
      };
      const failed = await migrateDatabase(url, { after: die }).catch((error: unknown) => error);
      killed = failed instanceof Killed;
      if (killed) assert.deepEqual((await migrateDatabase(url)).applied, []);
      assert.deepEqual(await whole(url, client), before, `killed after statement ${last}`);
    }
    assert.ok(last > 20, "there was something to kill");
  });

  it("is put back when single views are missing, and then the rest of them", async (t) => {
    const { url, client } = await open(t);
    const before = await whole(url, client);
    await client.query("drop view ringpost.leads cascade");
    await migrateDatabase(url);
    assert.deepEqual(await whole(url, client), before);
    await client.query("drop view ringpost.leads_by_id cascade");
    await migrateDatabase(url);
    assert.deepEqual(await whole(url, client), before);
  });

  it("does not keep later files from being applied", async (t) => {
    const { url, client } = await open(t);
    const before = await whole(url, client);
    const { rows } = await client.query<{ at: string }>(
      "select created_at as at from drizzle.__drizzle_migrations order by created_at offset 4",
    );
    const since = FULL ? rows : [rows[0]!, rows.at(-2)!];
    for (const { at } of since) {
      const { rowCount } = await client.query("delete from drizzle.__drizzle_migrations where created_at >= $1", [at]);
      await client.query(DROP);
      assert.equal((await migrateDatabase(url)).applied.length, rowCount);
      assert.deepEqual(await whole(url, client), before);
    }
  });
});
