// The old application changes a row while the upgrade is on its way to the same row: what it wrote stays.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "node:test";
import type pg from "pg";
import { migrateDatabase } from "../../db/migrate.ts";
import { readCatalog } from "../db/catalog.ts";
import { freshDatabase, type Scope } from "../support/postgres.ts";
import { CRM, prefixes } from "./oldStates.ts";
import { connect, emptyResult, ours } from "./support.ts";

const POLL_MS = 10;

async function oldSystem(t: Scope): Promise<{ url: string; client: pg.Client }> {
  const { url } = await freshDatabase(t);
  const client = await connect(url);
  t.after(() => client.end());
  const state = prefixes().find((s) => s.name === "up to 46d, without keys")!;
  for (const statement of [...CRM, ...state.statements]) await client.query(statement);
  await client.query(`
    insert into business (id, name) values (1, 'One');
    insert into leads (id, tenant_id, phone_e164) select n, 1, '0501234567' from generate_series(1, 9) n;
    insert into outbound_call_runs (id, business_id, status, total_leads, queued_count, created_at)
      values (1, 1, 'running', 3, 3, now() - interval '1 day'), (2, 1, 'DONE', 1, 1, now() - interval '1 day'),
             (3, null, 'running', 0, 0, now());
    insert into outbound_call_jobs (id, run_id, lead_id, status)
      values (1, 1, 1, 'queued'), (2, 1, 2, 'queued'), (3, 1, 888, 'queued'), (4, 2, 4, 'queued'),
             (5, 1, 5, 'queued'), (6, 1, 5, 'queued')`);
  return { url, client };
}

interface Meeting {
  /** The migration file, and of it the statement. */
  file: string;
  statement: RegExp;
  write: string;
  /** Asked for once the statement waits, before the commit. */
  meanwhile?: string;
}

/** Migrates, with the writer's transaction open on what it wrote when the statement that matches reaches it. */
async function migrateInto(t: Scope, url: string, { file, statement, write, meanwhile }: Meeting): Promise<void> {
  const writer = await connect(url);
  const watch = await connect(url);
  t.after(() => Promise.all([writer.end(), watch.end()]));
  const { rows } = await writer.query<{ pid: number }>("select pg_backend_pid() as pid");
  const blocked = async () =>
    (
      await watch.query<{ query: string }>(
        "select query from pg_stat_activity where datname = current_database() and $1 = any (pg_blocking_pids(pid))",
        [rows[0]!.pid],
      )
    ).rows[0]?.query;
  const state = { met: false, over: false, inFile: false, open: false };
  let letting = Promise.resolve();
  // Another statement may meet the writer first (a trigger is made, an index built): that one is let through.
  const letThrough = async () => {
    let query: string | undefined;
    while ((query = await blocked()) === undefined && !state.over) await sleep(POLL_MS);
    state.met = statement.test(query ?? "");
    if (state.met && meanwhile !== undefined) await writer.query(meanwhile);
    await writer.query(state.met ? "commit" : "rollback");
    state.open = false;
  };
  await migrateDatabase(url, {
    report: (line) => (state.inFile = line.startsWith("  ") ? state.inFile : line === file),
    after: async () => {
      if (!state.inFile || state.met || state.open) return;
      state.open = true;
      await writer.query("begin");
      await writer.query(write);
      letting = letThrough();
    },
  });
  state.over = true;
  await letting;
  assert.ok(state.met, "the two met");
}

const races: { what: string; statement: RegExp; write: string; read: string; stays: object }[] = [
  {
    what: "a job that is being called",
    statement: /ringpost:walk outbound_call_jobs/,
    write: "update outbound_call_jobs set status = 'calling', call_sid = 'CA1' where id = 1",
    read: "select status, call_sid, business_id from outbound_call_jobs where id = 1",
    stays: { status: "calling", call_sid: "CA1", business_id: 1 },
  },
  {
    what: "a job that gets its entry in the call log",
    statement: /ringpost:walk outbound_call_jobs/,
    write: `insert into call_log (id, business_id, call_sid) values (50, 1, 'CA50');
            update outbound_call_jobs set status = 'DIALLING', call_log_id = 50 where id = 2`,
    read: "select status, call_log_id from outbound_call_jobs where id = 2",
    stays: { status: "dialing", call_log_id: 50 },
  },
  {
    what: "a run that is stopped",
    statement: /ringpost:walk outbound_call_runs/,
    write: "update outbound_call_runs set status = 'stopped', last_error = 'by hand', queued_count = 1 where id = 1",
    read: "select status, last_error from outbound_call_runs where id = 1",
    stays: { status: "stopped", last_error: "by hand" },
  },
  {
    what: "the counters of an open run",
    statement: /ringpost:walk outbound_call_runs/,
    write: `update outbound_call_runs set queued_count = queued_count - 1, completed_count = 1, last_error = 'x' where id = 1`,
    read: "select status, queued_count, completed_count, last_error from outbound_call_runs where id = 1",
    stays: { status: "running", queued_count: 2, completed_count: 1, last_error: "x" },
  },
  {
    what: "the counters of an ended run whose last call ends",
    statement: /ringpost:walk outbound_call_runs/,
    write: `update outbound_call_jobs set status = 'completed', call_sid = 'CA4' where id = 4;
            update outbound_call_runs set queued_count = 0, completed_count = 1 where id = 2`,
    read: "select status, queued_count, completed_count, cursor_position from outbound_call_runs where id = 2",
    stays: { status: "completed", queued_count: 0, completed_count: 1, cursor_position: 1 },
  },
  {
    what: "a job that gets a lead after all",
    statement: /jobs moved aside, because their run or lead/,
    write: "update outbound_call_jobs set lead_id = 3 where id = 3",
    read: "select lead_id from outbound_call_jobs where id = 3",
    stays: { lead_id: 3 },
  },
  {
    what: "a run that gets a business after all",
    statement: /runs moved aside, because their business/,
    write: "update outbound_call_runs set business_id = 1 where id = 3",
    read: "select business_id from outbound_call_runs where id = 3",
    stays: { business_id: 1 },
  },
  {
    what: "a second job of a lead that gets another lead",
    statement: /jobs moved aside, because their run has the lead twice/,
    write: "update outbound_call_jobs set lead_id = 6 where id = 6",
    read: "select lead_id from outbound_call_jobs where id = 6",
    stays: { lead_id: 6 },
  },
  {
    what: "a second job of a lead whose first is taken back",
    statement: /jobs moved aside, because their run has the lead twice/,
    write:
      "delete from outbound_call_jobs where id = 5; update outbound_call_jobs set error_message = 'the last' where id = 6",
    read: "select lead_id from outbound_call_jobs where id = 6",
    stays: { lead_id: 5 },
  },
];

describe("the upgrade", () => {
  for (const { what, statement, write, read, stays } of races)
    it(`does not undo what the old application just wrote: ${what}`, async (t) => {
      const { url, client } = await oldSystem(t);
      await migrateInto(t, url, { file: "0020_old_rows", statement, write });
      assert.deepEqual((await client.query(read)).rows, [stays]);
    });

  it("builds an index again when the build was the victim of a deadlock", async (t) => {
    const { url } = await oldSystem(t);
    await migrateInto(t, url, {
      file: "0022_indexes",
      statement: /unique_active_number/,
      write: "lock table outbound_call_jobs in row exclusive mode",
      meanwhile: "lock table outbound_call_jobs in share update exclusive mode",
    });
    assert.deepEqual(ours(await readCatalog(url)), await emptyResult());
  });
});
