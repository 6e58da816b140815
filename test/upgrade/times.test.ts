// When the old system's runs ended, and when somebody last touched them: from the best witness that there is.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type pg from "pg";
import { cleanOldRows, migrateDatabase } from "../../db/migrate.ts";
import { freshDatabase, type Scope } from "../support/postgres.ts";
import { CRM, prefixes } from "./oldStates.ts";
import { connect } from "./support.ts";

const FIRST = prefixes().find((s) => s.name === "up to 40b, without keys")!;

/** The old system of the first days, whose runs have no updated_at: one run made at six, with this state. */
async function oldRun(t: Scope, status: string): Promise<{ url: string; client: pg.Client }> {
  const { url } = await freshDatabase(t);
  const client = await connect(url);
  t.after(() => client.end());
  for (const statement of [...CRM, ...FIRST.statements]) await client.query(statement);
  await client.query("insert into business (id, name) values (1, 'One')");
  await client.query("insert into leads (id, tenant_id) values (1, 1), (2, 1)");
  await client.query(
    "insert into outbound_call_runs (id, business_id, status, created_at) values (1, 1, $1, '2026-01-01 06:00')",
    [status],
  );
  return { url, client };
}

const times = async (client: pg.Client) =>
  (
    await client.query<Record<string, string>>(
      "select to_char(ended_at, 'HH24:MI') as ended, to_char(completed_at, 'HH24:MI') as completed, to_char(updated_at, 'HH24:MI') as updated from outbound_call_runs",
    )
  ).rows[0];

const calls = (client: pg.Client) =>
  client.query(
    `insert into outbound_call_jobs (run_id, lead_id, status, started_at, completed_at)
     values (1, 1, 'completed', '2026-01-01 06:10', '2026-01-01 06:20'), (1, 2, 'failed', '2026-01-01 06:30', null)`,
  );

describe("an old run without an end time", () => {
  it("ended with the last of its calls", async (t) => {
    const { url, client } = await oldRun(t, "completed");
    await calls(client);
    await migrateDatabase(url);
    assert.deepEqual(await times(client), { ended: "06:30", completed: "06:30", updated: "06:30" });
  });

  it("ended when it began, if it called nobody", async (t) => {
    const { url, client } = await oldRun(t, "stopped");
    await migrateDatabase(url);
    assert.deepEqual(await times(client), { ended: "06:00", completed: "06:00", updated: "06:00" });
  });

  it("was touched with the last of its calls, if it is open", async (t) => {
    const { url, client } = await oldRun(t, "running");
    await calls(client);
    await migrateDatabase(url);
    assert.deepEqual(await times(client), { ended: null, completed: null, updated: "06:30" });
  });
});

describe("an old run that is corrected", () => {
  it("after the migration too, is not touched by that", async (t) => {
    const { url, client } = await oldRun(t, "running");
    await migrateDatabase(url);
    await client.query("update outbound_call_runs set status = 'RUNNING', updated_at = '2026-01-01 07:00'");
    await cleanOldRows(url);
    const { rows } = await client.query("select status from outbound_call_runs");
    assert.deepEqual([rows, (await times(client))?.["updated"]], [[{ status: "running" }], "07:00"]);
    await client.query("update outbound_call_runs set queued_count = 1");
    // With the day: at seven in the morning the time alone would be the same.
    const touched = await client.query(
      "select updated_at > '2026-01-01 07:00' as later, updated_at > now() - interval '1 minute' as now from outbound_call_runs",
    );
    assert.deepEqual(touched.rows, [{ later: true, now: true }], "but by the old application it is");
  });
});
