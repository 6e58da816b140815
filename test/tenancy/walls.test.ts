// The wall in the database: stands with what the migrations build, and each stone of it is needed.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { migrateDatabase } from "../../db/migrate.ts";
import { freshDatabase } from "../api/support.ts";
import { breaches } from "./breaches.ts";
import { aShop, asRequest, CLOSED, connect, CRM, OURS, SHARED } from "./shops.ts";

const db = await freshDatabase({ after });
const url = db.$client.options.connectionString!;
const on = await connect(url);
after(() => on.end());
const [mine, theirs] = [await aShop(on), await aShop(on)];

describe("a request in raw SQL", () => {
  it("reads, writes and refers to its own business's rows alone", async () => {
    assert.deepEqual(await breaches(on, mine, theirs), []);
  });

  it("is what this test tries: every table of ours is known to it", async () => {
    const { rows } = await on.query<{ name: string }>(
      "select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and relname like 'outbound\\_%'",
    );
    const known = new Set([...OURS, ...SHARED, ...CLOSED, ...Object.keys(CRM)]);
    const unknown = rows.filter(({ name }) => !known.has(name)).map(({ name }) => name);
    assert.deepEqual(
      unknown,
      [],
      "bind it with ringpost.bind_to_tenant, grant what the API needs, and add it to shops.ts",
    );
    for (const table of OURS) {
      const { rows } = await on.query<{ forced: boolean }>(
        "select relrowsecurity and relforcerowsecurity as forced from pg_class where oid = $1::regclass",
        [table],
      );
      assert.ok(rows[0]?.forced, table);
    }
  });

  it("has no right at all to what an upgrade moved aside", async () => {
    const request = await asRequest(on, mine.business);
    for (const table of CLOSED)
      assert.deepEqual(await request.attempt(`select from ${table}`), { code: "42501" }, table);
    await request.leave();
  });

  it("leaves nothing behind on the connection", async () => {
    await on.query("begin; select ringpost.enter(5); commit");
    const { rows } = await on.query(
      "select current_user = session_user as me, current_setting('app.business_id') as business, current_setting('search_path') as path",
    );
    assert.deepEqual(rows, [{ me: true, business: "", path: '"$user", public' }]);
  });
});

describe("a CRM that changes a column", () => {
  it("takes our views out of the way, and the next migration puts everything back", async (t) => {
    const other = await freshDatabase(t);
    const { connectionString } = other.$client.options;
    const client = await connect(connectionString!);
    t.after(() => client.end());
    const functions = async () =>
      (
        await client.query<{ made: string }>(
          `select pg_get_functiondef(oid) as made from pg_proc
            where pronamespace = 'ringpost'::regnamespace and proname not in ('job_status_of', 'run_status_of') order by 1`,
        )
      ).rows;
    const before = await functions();
    await client.query("drop schema ringpost cascade; alter table leads alter column phone_e164 type text");
    assert.deepEqual((await migrateDatabase(connectionString!)).applied, []);
    // (Without the two that only the upgrade's own steps call.)
    assert.deepEqual(await functions(), before);
    assert.deepEqual(await breaches(client, await aShop(client), await aShop(client)), []);
  });
});

/** Takes a stone out and looks, on a connection of its own. The caller puts it back. */
async function without(sql: string): Promise<string[]> {
  const client = await connect(url);
  try {
    await client.query(sql);
    return await breaches(client, mine, theirs);
  } finally {
    await client.end();
  }
}

describe("without one stone", () => {
  it("any policy: the test above fails", async () => {
    const { rows: policies } = await on.query<{ t: string; p: string }>(
      "select tablename as t, policyname as p from pg_policies where schemaname = 'public' and tablename <> all ($1) order by 1, 2",
      // Nothing is granted there, so nobody would miss a policy.
      [CLOSED],
    );
    assert.ok(policies.length >= 2 * OURS.length);
    for (const { t, p } of policies) {
      const { rows } = await on.query<{ remake: string }>(REMAKE, [t, p]);
      const found = await without(`drop policy ${p} on ${t}`);
      assert.ok(found.length > 0, `${p} on ${t} is not missed`);
      await on.query(rows[0]!.remake);
    }
    assert.deepEqual(await breaches(on, mine, theirs), []);
  });

  it("row-level security on any table: the test above fails", async () => {
    for (const table of OURS) {
      const found = await without(`alter table ${table} disable row level security`);
      assert.ok(found.length > 0, table);
      await on.query(`alter table ${table} enable row level security`);
    }
  });

  it("the filter of any view, or its check option: the test above fails", async () => {
    const { rows: views } = await on.query<{ name: string; body: string; checked: boolean }>(
      `select c.relname as name, pg_get_viewdef(c.oid) as body, c.reloptions::text like '%check_option%' as checked
         from pg_class c where relkind = 'v' and relnamespace = 'ringpost'::regnamespace order by 1`,
    );
    assert.equal(views.length, 7);
    for (const { name, body, checked } of views) {
      const open = body.replace(/\sWHERE[\s\S]*;$/, "");
      const remake = `create or replace view ringpost.${name} with (security_barrier${checked ? ", check_option = cascaded" : ""}) as ${body}`;
      assert.ok(
        (await without(`create or replace view ringpost.${name} with (security_barrier) as ${open}`)).length > 0,
        name,
      );
      await on.query(remake);
      // No insert or update through `leads`: its check option is a second lock on a locked door.
      if (!checked || name === "leads") continue;
      assert.ok(
        (await without(`alter view ringpost.${name} reset (check_option)`)).length > 0,
        `${name}'s check option`,
      );
      await on.query(remake);
    }
    assert.deepEqual(await breaches(on, mine, theirs), []);
  });
});

const REMAKE = `
  select format('create policy %I on %I as %s for %s to %s', policyname, tablename, permissive, cmd, array_to_string(roles, ','))
         || coalesce(' using (' || qual || ')', '') || coalesce(' with check (' || with_check || ')', '') as remake
    from pg_policies where tablename = $1 and policyname = $2`;
