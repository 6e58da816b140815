// What real old databases have that no migration of the old system made: each either ends in the same schema, with every
// row accounted for, or is refused before anything was changed, in words that say what to do.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type pg from "pg";
import { MigrationRefused } from "../../db/refused.ts";
import { planMigration } from "../../db/migrate/plan.ts";
import { migrateDatabase } from "../../db/migrate.ts";
import { readCatalog } from "../db/catalog.ts";
import { lastFirst } from "../support/scope.ts";
import { FULL } from "../support/sizes.ts";
import { prefixes } from "./oldStates.ts";
import { assertRowsFit, emptyResult, oldDatabase, ours } from "./support.ts";

const state = (name: string) => prefixes().find((s) => s.name === name)!;
const KEYED = state("up to 113");
const LOOSE = state("up to 113, without keys");
const ROWS = 60;

interface Oddity {
  what: string;
  /** Oddities of one group can be in one database, and are, to save time; with FULL=1 each has its own as well. */
  group: string;
  of?: typeof KEYED;
  sql: string;
  /** What the migration says about it. */
  says?: RegExp;
  check?: (client: pg.Client) => Promise<void>;
  dropsRuns?: true;
}

/** An old table may have columns of these names, which the upgrade could want for itself. */
const HELPER_NAMES =
  "reason why word old_status old_row oldest place counts list low high locked moved corrected j r".split(" ");
const alterBoth = (clauses: string[]) =>
  ["outbound_call_jobs", "outbound_call_runs"].map((table) => `alter table ${table} ${clauses.join(", ")}`).join(";");

const same: Oddity[] = [
  {
    what: "states as text",
    group: "a",
    sql: "alter table outbound_call_jobs alter column status type text; alter table outbound_call_runs alter column status type varchar(64)",
  },
  {
    what: "words longer than a state may be",
    group: "b",
    of: LOOSE,
    sql: "alter table outbound_call_jobs alter column status type text; update outbound_call_jobs set status = repeat('long ', 20) where id % 7 = 0",
  },
  {
    what: "ids and references as bigint",
    group: "a",
    sql: "alter table outbound_call_runs alter column id type bigint; alter table outbound_call_jobs alter column id type bigint, alter column run_id type bigint, alter column lead_id type bigint, alter column business_id type bigint",
  },
  {
    what: "an error as a short varchar",
    group: "a",
    sql: "alter table outbound_call_runs alter column last_error type varchar(255)",
  },
  {
    what: "times with a zone",
    group: "b",
    sql: "alter table outbound_call_runs alter column lock_ts type timestamptz, alter column created_at type timestamptz; alter table outbound_call_jobs alter column created_at type timestamptz",
  },
  {
    what: "columns of ours, in other types",
    group: "a",
    sql: "alter table outbound_call_jobs add column outcome text, add column attempts bigint not null default 1; alter table outbound_call_runs add column message json",
  },
  {
    what: "a list of states of its own",
    group: "c",
    of: KEYED,
    sql: "alter table outbound_call_jobs add constraint ck_status check (status in ('queued', 'calling', 'completed', 'failed', 'dialing', 'DIALLING', 'dialling', 'busy', 'canceled', 'cancelled', 'in_progress', 'no-answer', 'Queued', '')) not valid",
    says: /in our way: .*drop constraint ck_status/,
  },
  {
    what: "a column that only the old application fills",
    group: "a",
    sql: "alter table outbound_call_jobs add column dialled_by varchar(64) not null default 'x'; alter table outbound_call_jobs alter column dialled_by drop default",
    says: /in our way: .*dialled_by drop not null/,
    check: async (client) => void (await client.query("alter table outbound_call_jobs drop column dialled_by")),
  },
  {
    what: "the rule of one job per lead under another name",
    group: "a",
    sql: "alter table outbound_call_jobs rename constraint unique_run_lead to outbound_call_jobs_run_id_lead_id_key",
  },
  {
    what: "the rule of one job per lead twice",
    group: "c",
    sql: "alter table outbound_call_jobs add constraint uq_lead_run unique (lead_id, run_id); create unique index one_more on outbound_call_jobs (run_id, lead_id)",
  },
  {
    what: "the rule of one job per lead, the other way round",
    group: "d",
    sql: "alter table outbound_call_jobs drop constraint unique_run_lead; alter table outbound_call_jobs add constraint unique_run_lead unique (lead_id, run_id)",
    says: /unique_run_lead was a rule about other columns/,
  },
  {
    what: "indexes of our names on other columns",
    group: "a",
    sql: `drop index idx_outbound_call_jobs_status; create index idx_outbound_call_jobs_status on outbound_call_jobs (run_id, status);
          create index idx_outbound_call_runs_open on outbound_call_runs (business_id, id) where status = 'running';
          create index unique_active_number on outbound_call_jobs (business_id)`,
    says: /idx_outbound_call_jobs_status was another index/,
  },
  {
    what: "no index at all",
    group: "c",
    sql: "drop index idx_outbound_call_jobs_run_id, idx_outbound_call_jobs_lead_id, idx_outbound_call_runs_status",
  },
  {
    what: "keys that go elsewhere, under our names",
    group: "b",
    of: LOOSE,
    sql: "alter table outbound_call_jobs add constraint outbound_call_jobs_run_id_fkey foreign key (business_id) references business (id) not valid",
  },
  {
    what: "triggers and views of the CRM",
    group: "c",
    sql: `create function crm_touch() returns trigger language plpgsql as $$ begin new.lead_name := coalesce(new.lead_name, '?'); return new; end $$;
          create trigger crm_touch before update on outbound_call_jobs for each row execute function crm_touch();
          create view crm_report as select r.business_id, j.id as job, j.lead_id, j.error_message from outbound_call_jobs j join outbound_call_runs r on r.id = j.run_id`,
    check: async (client) => {
      assert.ok((await client.query("select from crm_report")).rowCount);
      await client.query("drop trigger crm_touch on outbound_call_jobs; drop view crm_report");
    },
  },
  {
    what: "a table of the CRM's that refers to jobs which stay",
    group: "c",
    sql: `create table notes (job_id integer references outbound_call_jobs (id) on delete cascade);
          insert into notes select min(j.id) from outbound_call_jobs j join outbound_call_runs r on r.id = j.run_id join leads l on l.id = j.lead_id
                             where l.tenant_id = r.business_id`,
    check: async (client) => {
      assert.deepEqual((await client.query("select count(job_id)::int as n from notes")).rows, [{ n: 1 }]);
      await client.query("drop table notes");
    },
  },
  {
    what: "times in the future",
    group: "a",
    sql: "update outbound_call_runs set created_at = now() + interval '1 year', updated_at = now() + interval '1 year', lock_ts = now() + interval '1 day'",
  },
  {
    what: "leads without a business",
    group: "b",
    of: LOOSE,
    sql: "alter table leads alter column tenant_id drop not null; update leads set tenant_id = null where id % 3 = 0",
  },
  {
    what: "leads that moved to another business",
    group: "d",
    of: KEYED,
    sql: "update leads set tenant_id = 3 - tenant_id where id % 3 = 0",
  },
  {
    what: "columns with names that the upgrade might use for itself",
    group: "b",
    of: LOOSE,
    sql: alterBoth(HELPER_NAMES.map((name) => `add column ${name} text default 'theirs'`)),
    check: async (client) => {
      const { rows } = await client.query(
        `select distinct old_row ->> 'reason' as theirs, old_row ? 'why' as other from outbound_call_jobs_removed
          union select old_row ->> 'reason', old_row ? 'why' from outbound_call_runs_removed`,
      );
      assert.deepEqual(rows, [{ theirs: "theirs", other: true }]);
      await client.query(alterBoth(HELPER_NAMES.map((name) => `drop column ${name}`)));
    },
  },
  {
    what: "jobs without their runs' table",
    group: "e",
    dropsRuns: true,
    of: { ...LOOSE, name: "mixture" },
    sql: "drop table outbound_call_runs",
  },
];

const refused: { what: string; sql: string; why: RegExp }[] = [
  {
    what: "a view that shows a column whose type must change",
    sql: "create view crm_states as select id, status from outbound_call_jobs",
    why: /status is character varying\(20\) and should be .*crm_states shows it[\s\S]*drop it, run make migrate, and create it again/,
  },
  {
    what: "a partitioned or foreign table",
    sql: "alter table leads rename to leads_of_all; create view leads as select * from leads_of_all",
    why: /leads is not an ordinary table/,
  },
  {
    what: "a CRM without a column that is read",
    sql: "alter table business drop column calls_enabled; alter table call_log drop column summary",
    why: /business has no column calls_enabled[\s\S]*call_log has no column summary/,
  },
  {
    what: "call ids that are not unique",
    sql: "alter table call_log drop constraint call_log_call_sid_key",
    why: /call_log has no unique index on call_sid/,
  },
  {
    what: "a table of the CRM's that refers to jobs which must be moved aside",
    sql: `create table notes (job_id integer references outbound_call_jobs (id) on delete cascade, run_id integer references outbound_call_runs (id));
          insert into outbound_call_jobs (run_id, lead_id) select run_id, lead_id from outbound_call_jobs order by id limit 1;
          insert into notes select max(id), min(run_id) from outbound_call_jobs`,
    why: /notes refers \(notes_job_id_fkey\) to rows of outbound_call_jobs that must be moved aside, 1 times/,
  },
  {
    what: "tables in two schemas",
    sql: "create schema other; alter table users set schema other; do $$ begin execute format('alter database %I set search_path = public, other', current_database()); end $$",
    why: /in several schemas/,
  },
];

describe("an old database with", () => {
  const together = Object.values(Object.groupBy(same, ({ group }) => group)).map((some) => some ?? []);
  const alone = FULL ? same.map((one) => [one]) : [];
  for (const some of [...together, ...alone])
    it(`${some.map((one) => one.what).join("; ")} ends in the same schema`, async (t) => {
      const old = await oldDatabase(t, some[0]?.of ?? KEYED, 31, ROWS);
      for (const { sql } of some) await old.client.query(sql);
      const gone = some.some((one) => one.dropsRuns);
      const before = gone ? { ...old.before, runs: 0 } : old.before;
      assert.deepEqual(
        (await planMigration(old.url)).filter((line) => line.includes("not possible")),
        [],
      );
      const lines: string[] = [];
      await migrateDatabase(old.url, { report: (line) => lines.push(line) });
      for (const { says, check } of some) {
        if (says) assert.match(lines.join("\n"), says);
        await check?.(old.client);
      }
      assert.deepEqual(ours(await readCatalog(old.url)), await emptyResult());
      await assertRowsFit(old.client, before);
      await old.client.query("truncate drizzle.__drizzle_migrations");
      await migrateDatabase(old.url);
      assert.deepEqual(ours(await readCatalog(old.url)), await emptyResult());
      await assertRowsFit(old.client, before);
    });

  for (const { what, sql, why } of refused)
    it(`${what} is refused with what to do, and nothing has changed`, async (t) => {
      const old = await oldDatabase(t, state("up to 46d"), 32, ROWS);
      await old.client.query(sql);
      assert.match((await planMigration(old.url)).join("\n"), /not possible yet: /);
      const rows = async () => (await old.client.query("select count(*) from outbound_call_jobs")).rows;
      const before = await rows();
      await assert.rejects(migrateDatabase(old.url), (error) => {
        assert.ok(error instanceof MigrationRefused, String(error));
        assert.match(error.message, why);
        return true;
      });
      assert.deepEqual(await rows(), before);
    });

  it("a table too large to be rewritten beside a running CRM is refused by the column", async (t) => {
    const old = await oldDatabase(t, KEYED, 33, ROWS);
    await old.client.query(`
      alter table outbound_call_jobs alter column status type text;
      insert into leads (id, tenant_id) select n, 1 from generate_series(1000, 10000) n;
      insert into outbound_call_runs (id, business_id) values (9000, 1);
      insert into outbound_call_jobs (run_id, lead_id, business_id, status, error_message)
        select 9000, n, 1, 'queued', repeat('x', 1900) from generate_series(1000, 10000) n`);
    await assert.rejects(
      migrateDatabase(old.url),
      /status is text and should be character varying\(32\), and the table is too large/,
    );
  });

  it("a user with a schema of his own, who owns the CRM's tables but is no superuser", async (t) => {
    // The role goes before the connection and the database: it would be there still for a later process of this pid.
    const scope = lastFirst(t);
    const old = await oldDatabase(scope, KEYED, 34, ROWS);
    const name = `own_${process.pid}`;
    await old.client.query(`
      create role ${name} login createrole password 'x';
      do $$ begin execute format('grant create, temp on database %I to ${name}', current_database()); end $$;
      alter schema public owner to ${name};
      create schema ${name} authorization ${name};
      alter default privileges for role ${name} revoke execute on functions from public;
      do $$ declare t text; begin
        foreach t in array array['business', 'users', 'outbound_lead_lists', 'leads', 'call_log', 'outbound_call_runs', 'outbound_call_jobs'] loop
          execute format('alter table %s owner to ${name}', t);
        end loop;
      end $$`);
    const { rows } = await old.client.query<{ there: boolean }>(
      "select exists (select from pg_roles where rolname = 'ringpost_request') as there",
    );
    if (rows[0]?.there) await old.client.query(`grant ringpost_request to ${name} with admin option`);
    scope.after(() => old.client.query(`drop owned by ${name} cascade; drop role ${name}`));
    const url = new URL(old.url);
    [url.username, url.password] = [name, "x"];
    await migrateDatabase(url.href);
    assert.deepEqual(ours(await readCatalog(old.url)), await emptyResult());
    await assertRowsFit(old.client, old.before);
    const { rows: rights } = await old.client.query(
      "select has_function_privilege('ringpost_request', 'ringpost.add_job(text, json, text)', 'execute') as may, to_regclass('${name}.outbound_call_runs') as twice".replace(
        "${name}",
        name,
      ),
    );
    assert.deepEqual(rights, [{ may: true, twice: null }]);
  });
});
