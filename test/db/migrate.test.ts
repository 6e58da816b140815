// Migrations: from an empty database, any number of times, from any number of processes, to the schema of schema.ts.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { is } from "drizzle-orm";
import { getTableConfig, PgTable } from "drizzle-orm/pg-core";
import pg from "pg";
import { migrateDatabase } from "../../db/migrate.ts";
import { pendingMigrations } from "../../db/migrate/bookkeeping.ts";
import * as schema from "../../db/schema.ts";
import { freshDatabase } from "../support/postgres.ts";
import { readCatalog } from "./catalog.ts";

const tables = Object.values(schema)
  .filter((value) => is(value, PgTable))
  .map((table) => getTableConfig(table as PgTable));

describe("migrations", () => {
  it("make an empty database current, and change nothing the second time", async (t) => {
    const { url } = await freshDatabase(t);
    const first = await migrateDatabase(url);
    assert.ok(first.applied.length > 0);
    const after = await readCatalog(url);
    assert.deepEqual(await migrateDatabase(url), { applied: [] });
    assert.deepEqual(await readCatalog(url), after);
  });

  it("are run once by twenty at the same moment, ten of them in processes of their own", async (t) => {
    const { url } = await freshDatabase(t);
    const script = `import { migrateDatabase } from ${JSON.stringify(new URL("../../db/migrate.ts", import.meta.url).href)};
      console.log(JSON.stringify(await migrateDatabase(process.argv[1])))`;
    const others = Array.from({ length: 10 }, async () => {
      const child = spawn(process.execPath, ["--input-type=module", "-e", script, url], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let out = "";
      child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
      // Not its exit: what it wrote may still be on its way then.
      const [code] = (await once(child, "close")) as [number];
      assert.equal(code, 0);
      return JSON.parse(out) as { applied: string[] };
    });
    const ours = Array.from({ length: 10 }, () => migrateDatabase(url));
    const all = await Promise.all([...others, ...ours]);
    assert.equal(all.filter((m) => m.applied.length > 0).length, 1, "one of them did the work");
    const { url: other } = await freshDatabase(t);
    await migrateDatabase(other);
    assert.deepEqual(await readCatalog(url), await readCatalog(other));
  });

  it("end in what schema.ts says: columns, keys, indexes, rules", async (t) => {
    const { url } = await freshDatabase(t);
    await migrateDatabase(url);
    const found = await readCatalog(url);
    const squeeze = (line: string) => line.replace(/character varying/g, "varchar").replace(/ without time zone/g, "");
    const columns = found.columns.map(squeeze);
    for (const table of tables) {
      const own = columns.filter((line) => line.startsWith(`${table.name}.`));
      const names = own.map((line) => line.slice(table.name.length + 1).split(" ")[0]).sort();
      assert.deepEqual(names, table.columns.map((c) => c.name).sort(), table.name);
      for (const column of table.columns) {
        const type = column
          .getSQLType()
          .replace(/^serial$/, "integer")
          .replace(/^bigserial$/, "bigint");
        const line = own.find((l) => l.startsWith(`${table.name}.${column.name} `)) ?? "";
        const zoned = line.replace("timestamp with time zone", "timestamptz");
        assert.ok(
          zoned.includes(` ${type.replace("timestamp with time zone", "timestamptz")}`),
          `${line} should be ${type}`,
        );
        assert.equal(line.includes(" not null"), column.notNull, `not null: ${line}`);
        assert.equal(
          line.includes(" default "),
          column.hasDefault || /serial/.test(column.getSQLType()),
          `default: ${line}`,
        );
      }
      for (const index of table.indexes)
        assert.ok(
          found.indexes.some((l) => l.includes(` ${index.config.name} ON `)),
          index.config.name,
        );
    }
  });

  it("know what is pending", async (t) => {
    const { url } = await freshDatabase(t);
    const client = new pg.Pool({ connectionString: url, max: 1 });
    const before = await pendingMigrations(client);
    await migrateDatabase(url);
    const after = await pendingMigrations(client);
    await client.end();
    assert.ok(before.length > 0);
    assert.deepEqual(after, []);
  });

  it("keep the promise about names: the constraint and the indexes that the CRM's queries know", async (t) => {
    const { url } = await freshDatabase(t);
    await migrateDatabase(url);
    const { indexes } = await readCatalog(url);
    const named = [
      ...["business_id", "status", "created_at"].map((n) => `idx_outbound_call_runs_${n}`),
      ...[
        "run_id",
        "lead_id",
        "status",
        "call_sid",
        "twilio_sid",
        "lock_token",
        "status_twilio_sid",
        "business_id",
      ].map((n) => `idx_outbound_call_jobs_${n}`),
      "unique_run_lead",
    ];
    for (const name of named)
      assert.ok(
        indexes.some((line) => line.includes(` ${name} ON `)),
        name,
      );
  });
});

describe("the database's own rules", () => {
  it("refuse the same lead twice in a run, and states without their times", async (t) => {
    const { url } = await freshDatabase(t);
    await migrateDatabase(url);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    t.after(() => client.end());
    const refusedBy = async (text: string) => {
      try {
        await client.query(text);
      } catch (error) {
        return (error as pg.DatabaseError).constraint;
      }
      return "nobody";
    };
    await client.query(`insert into business (id, name) values (1, 'a')`);
    await client.query(`insert into leads (id, tenant_id) values (1, 1), (2, 1)`);
    await client.query(`insert into outbound_call_runs (id, business_id, engine) values (1, 1, 'ringpost')`);
    const job = (lead: number, rest = "null, null") =>
      `insert into outbound_call_jobs (run_id, lead_id, business_id, to_number, active_number) values (1, ${lead}, 1, ${rest})`;
    await client.query(job(1, "'+972521234567', '+972521234567'"));
    assert.equal(await refusedBy(job(1)), "unique_run_lead");
    assert.equal(await refusedBy(job(2, "'+972521234567', '+972521234567'")), "unique_active_number");
    const run = (set: string) => refusedBy(`update outbound_call_runs set ${set} where id = 1`);
    assert.equal(await run("status = 'running'"), "outbound_call_runs_start_has_time");
    assert.equal(await run("status = 'stopped'"), "outbound_call_runs_end_has_time");
    assert.equal(await run("ended_at = now(), status = 'stopped'"), "outbound_call_runs_end_alike");
    assert.equal(await run("queued_count = 1"), "outbound_call_runs_counts");
    assert.equal(
      await run("status = 'stopping', ended_at = now(), completed_at = now()"),
      "outbound_call_runs_status_known",
    );
    const live = (set: string) => refusedBy(`update outbound_call_jobs set ${set} where lead_id = 1`);
    assert.equal(await live("status = 'dialing'"), "outbound_call_jobs_live_has_token");
    assert.equal(
      await live("status = 'calling', dial_lock_token = 'x', dial_started_at = now()"),
      "outbound_call_jobs_calling_has_sid",
    );
    assert.equal(await live("status = 'completed', active_number = null"), "outbound_call_jobs_end_has_time");
    assert.equal(await live("status = 'completed', completed_at = now()"), "outbound_call_jobs_active_number");
    const slot = (job: number, no: number) =>
      refusedBy(`insert into outbound_call_slots (business_id, slot_no, job_id, run_id, token, expires_at)
                 values (1, ${no}, ${job}, 1, 't', now())`);
    assert.equal(await slot(1, 1), "nobody");
    await client.query(job(2, "'+972521234568', '+972521234568'"));
    const { rows } = await client.query<{ id: number }>("select id from outbound_call_jobs where lead_id = 2");
    assert.equal(await slot(rows[0]?.id ?? 0, 1), "outbound_call_slots_pkey");
  });
});
