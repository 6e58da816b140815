// Whoever may have been called by the old system is not taken for somebody who was not, whatever trace there is.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { migrateDatabase } from "../../db/migrate.ts";
import { freshDatabase, type Scope } from "../support/postgres.ts";
import { CRM, prefixes } from "./oldStates.ts";
import { connect } from "./support.ts";

const FIRST = prefixes().find((s) => s.name === "up to 40b, without keys")!;

interface Job {
  status: string | null;
  started?: true;
  ended?: true;
  sid?: string;
}

/** Upgrades one run, in a database of the first days, with these jobs of one lead. @returns what is left, in short */
async function upgraded(t: Scope, jobs: Job[]): Promise<string[]> {
  const { url } = await freshDatabase(t);
  const client = await connect(url);
  t.after(() => client.end());
  for (const statement of [...CRM, ...FIRST.statements]) await client.query(statement);
  await client.query(`
    insert into business (id, name) values (1, 'One');
    insert into leads (id, tenant_id, phone_e164) values (1, 1, '0501234567');
    insert into outbound_call_runs (id, business_id, status) values (1, 1, 'running')`);
  for (const { status, started, ended, sid } of jobs)
    await client.query(
      `insert into outbound_call_jobs (run_id, lead_id, status, call_sid, started_at, completed_at)
       values (1, 1, $1, $2, case when $3 then now()::timestamp end, case when $4 then now()::timestamp end)`,
      [status, sid, started ?? false, ended ?? false],
    );
  await migrateDatabase(url);
  const { rows } = await client.query<{ line: string }>(
    `select concat_ws(' ', status, case when started_at is not null then 'started' end, case when completed_at is not null then 'ended' end, call_sid) as line
       from outbound_call_jobs order by id`,
  );
  return rows.map(({ line }) => line);
}

describe("a lead with two jobs in a run", () => {
  const cases: [what: string, older: Job, younger: Job, left: string][] = [
    ["the younger was started", { status: "queued" }, { status: "queued", started: true }, "queued started"],
    ["the younger has ended", { status: null }, { status: "queued", ended: true }, "queued ended"],
    ["both were started", { status: "queued", started: true }, { status: "failed", started: true }, "queued started"],
    [
      "the younger is known to the carrier",
      { status: "queued", started: true },
      { status: "calling", sid: "CA1" },
      "calling CA1",
    ],
    ["the younger was cancelled untouched", { status: "queued" }, { status: "cancelled", ended: true }, "queued"],
    [
      "the younger was started, then cancelled",
      { status: "queued" },
      { status: "cancelled", started: true },
      "cancelled started",
    ],
  ];
  for (const [what, older, younger, left] of cases)
    it(`of which ${what} keeps the trace of a call`, async (t) => {
      assert.deepEqual(await upgraded(t, [older, younger]), [left]);
    });
});

describe("a job without a state", () => {
  it("waits when there is no trace of a call", async (t) => {
    assert.deepEqual(await upgraded(t, [{ status: null }]), ["queued"]);
  });

  it("has failed when it was started", async (t) => {
    assert.deepEqual(await upgraded(t, [{ status: "", started: true }]), ["failed started"]);
  });
});
