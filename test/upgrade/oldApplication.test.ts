// The old application beside the new schema: a role of its own that owns nothing, and statements that know nothing of our
// columns.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import pg from "pg";
import { migrateDatabase } from "../../db/migrate.ts";
import { freshDatabase, type Scope } from "../support/postgres.ts";
import { lastFirst } from "../support/scope.ts";
import { CRM, prefixes } from "./oldStates.ts";
import { connect } from "./support.ts";

interface OldApp {
  admin: pg.Client;
  app: pg.Client;
}

/** The old system up to 46d, upgraded; its application connects as a role with plain grants, in another time zone. */
async function upgraded(of: Scope, timeZone = "UTC"): Promise<OldApp> {
  const t = lastFirst(of);
  const { url, name } = await freshDatabase(t);
  const admin = await connect(url);
  t.after(() => admin.end());
  const state = prefixes().find((s) => s.name === "up to 46d")!;
  for (const statement of [...CRM, ...state.statements]) await admin.query(statement);
  await admin.query(`
    insert into business (id, name) values (1, 'One');
    insert into leads (id, tenant_id, phone_e164) select n, 1, '0501234567' from generate_series(1, 9) n;
    insert into outbound_call_runs (id, business_id, created_at) values (1, 1, now() - interval '2 days');
    insert into outbound_call_jobs (run_id, lead_id) values (1, 1);
    select setval('outbound_call_runs_id_seq', 10);
    create role ${name} login password 'old';
    grant select, insert, update, delete on all tables in schema public to ${name};
    grant usage on all sequences in schema public to ${name}`);
  t.after(() => admin.query(`drop owned by ${name}; drop role ${name}`));
  await migrateDatabase(url);
  const as = new URL(url);
  as.username = name;
  as.password = "old";
  const app = new pg.Client({ connectionString: as.href, options: `-c TimeZone=${timeZone}` });
  await app.connect();
  t.after(() => app.end());
  return { admin, app };
}

const one = async (client: pg.Client, sql: string, values: unknown[] = []) =>
  (await client.query<Record<string, unknown>>(sql, values)).rows[0]!;

describe("the old application", () => {
  it("inserts as before, and what it does not know gets sensible values", async (t) => {
    const { app } = await upgraded(t);
    const run = await one(
      app,
      "insert into outbound_call_runs (business_id, status, total_leads, queued_count) values (1, 'running', 2, 2) returning *",
    );
    assert.deepEqual(
      [run["engine"], run["cancel_requested"], run["cursor_position"], run["cancelled_count"]],
      ["legacy", false, 0, 0],
    );
    assert.ok(run["created_at"] instanceof Date && run["updated_at"] instanceof Date);
    const job = await one(app, "insert into outbound_call_jobs (run_id, lead_id) values ($1, 2) returning *", [
      run["id"],
    ]);
    assert.deepEqual(
      [job["business_id"], job["status"], job["attempts"], job["active_number"]],
      [1, "queued", 0, null],
    );
    const explicit = await one(
      app,
      "insert into outbound_call_runs (business_id, cancel_requested) values (1, null) returning status, cancel_requested",
    );
    assert.deepEqual(explicit, { status: "pending", cancel_requested: false });
  });

  it("moves its jobs through its own states, and deletes what it made", async (t) => {
    const { app } = await upgraded(t);
    const moves = [
      "update outbound_call_jobs set status = 'dialing', dial_started_at = now() where run_id = 1",
      "update outbound_call_jobs set status = 'calling', call_sid = 'CA1' where run_id = 1",
      "update outbound_call_jobs set status = 'completed', completed_at = now() where run_id = 1",
      "update outbound_call_runs set status = 'stopping', completed_count = completed_count + 1 where id = 1",
      "update outbound_call_runs set status = 'stopped' where id = 1",
      "delete from outbound_call_jobs where run_id = 1",
      "delete from outbound_call_runs where id = 1",
    ];
    for (const move of moves) assert.equal((await app.query(move)).rowCount, 1, move);
  });

  it("sees the rows it saw, and finds its one lead twice refused", async (t) => {
    const { app } = await upgraded(t);
    const seen = await one(
      app,
      "select r.status, j.status as job from outbound_call_runs r join outbound_call_jobs j on j.run_id = r.id where r.id = 1",
    );
    assert.deepEqual(seen, { status: "running", job: "queued" });
    await assert.rejects(app.query("insert into outbound_call_jobs (run_id, lead_id) values (1, 1)"), {
      constraint: "unique_run_lead",
    });
  });

  it("shows signs of life by every change of its runs, in UTC whatever its own clock says", async (t) => {
    const { app, admin } = await upgraded(t, "Asia/Jerusalem");
    const age = () =>
      one(
        admin,
        "select extract(epoch from now()::timestamp - updated_at)::int as s from outbound_call_runs where id = 1",
      );
    assert.ok(Number((await age())["s"]) > 86_400, "the upgrade itself is no sign of life");
    await app.query("update outbound_call_runs set queued_count = 0 where id = 1");
    assert.ok(Math.abs(Number((await age())["s"])) < 60);
  });
});
