// One old database for a test, and what must hold of it once it is upgraded.
import assert from "node:assert/strict";
import { after } from "node:test";
import pg from "pg";
import { readCatalog, type Catalog } from "../db/catalog.ts";
import { migratedDatabase } from "../support/migrated.ts";
import { freshDatabase, type Scope } from "../support/postgres.ts";
import { counts, fillOld } from "./oldRows.ts";
import { CRM, type OldState } from "./oldStates.ts";

export async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, options: "-c TimeZone=UTC" });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

export interface OldDatabase {
  url: string;
  client: pg.Client;
  before: { runs: number; jobs: number };
}

/** The state's tables with generated rows. Damage comes before the keys that would forbid it, where a mixture allows it. */
export async function oldDatabase(t: Scope, state: OldState, seed: number, size?: number): Promise<OldDatabase> {
  const { url } = await freshDatabase(t);
  const client = await connect(url);
  t.after(() => client.end());
  return { url, client, before: await buildOld(client, state, seed, size) };
}

export async function buildOld(client: pg.Client, state: OldState, seed: number, size?: number) {
  for (const statement of CRM) await client.query(statement);
  for (const statement of state.statements) {
    try {
      await client.query(statement);
    } catch (error) {
      // A mixture may lack what the statement needs.
      if (!state.name.startsWith("mixture")) throw error;
    }
  }
  return await fillOld(client, seed, size);
}

let reference: Promise<Catalog> | undefined;

/** What an empty database becomes. The CRM's own tables are as they were found, so they are left out. */
export function emptyResult(): Promise<Catalog> {
  reference ??= migratedDatabase({ after }).then(async ({ url }) => ours(await readCatalog(url)));
  return reference;
}

export function ours(catalog: Catalog): Catalog {
  const isOurs = (line: string) => /\boutbound_(?!lead_lists)\w+/.test(line);
  return Object.fromEntries(
    Object.entries(catalog).map(([kind, lines]) => [kind, (lines as string[]).filter(isOurs)]),
  ) as unknown as Catalog;
}

/** Every row and every definition, for comparing before and after. */
export async function everything(client: pg.Client): Promise<string> {
  const tables = [
    "outbound_call_runs",
    "outbound_call_jobs",
    "outbound_call_runs_removed",
    "outbound_call_jobs_removed",
    "outbound_run_events",
  ];
  const parts = [];
  for (const table of tables) {
    const { rows } = await client.query<{ h: string }>(
      `select md5(string_agg(t::text, '|' order by id)) as h from ${table} t`,
    );
    parts.push(`${table} ${rows[0]?.h}`);
  }
  return parts.join("\n");
}

/** The rows add up and keep the rules that the catalog cannot say. */
export async function assertRowsFit(client: pg.Client, before: { runs: number; jobs: number }): Promise<void> {
  assert.deepEqual(await counts(client), before, "no row is lost: what left the tables was moved aside");
  const none = async (what: string, sql: string) => assert.deepEqual((await client.query(sql)).rows, [], what);
  await none(
    "every job is its run's and its lead's business's",
    `select j.id from outbound_call_jobs j join outbound_call_runs r on r.id = j.run_id join leads l on l.id = j.lead_id
      where j.business_id <> r.business_id or l.tenant_id <> r.business_id`,
  );
  await none(
    "states are known",
    `select id, status from outbound_call_jobs where coalesce(status, '') not in ('queued', 'dialing', 'calling', 'completed', 'failed', 'cancelled')
     union select id, status from outbound_call_runs where coalesce(status, '') not in ('pending', 'running', 'completed', 'cancelled', 'failed', 'stopped')`,
  );
  await none(
    "the counters of ended runs add up",
    `select r.id from outbound_call_runs r
       left join lateral (select count(*) as n, count(*) filter (where status = 'queued') as queued,
                                 count(*) filter (where status in ('completed', 'failed', 'cancelled')) as ended
                            from outbound_call_jobs j where j.run_id = r.id) j on true
      where r.status not in ('pending', 'running')
        and (r.total_leads, r.queued_count, r.cursor_position) is distinct from (j.n, j.queued, j.ended)`,
  );
  await none(
    "ended runs have their time, and both names of it agree",
    `select id from outbound_call_runs where status not in ('pending', 'running') and (ended_at is null or ended_at is distinct from completed_at)`,
  );
  await none(
    "the oldest row of a lead stayed",
    `select x.job_id from outbound_call_jobs_removed x join outbound_call_jobs j on j.run_id = x.run_id and j.lead_id = x.lead_id
      where x.reason = 'duplicate' and j.id > x.job_id`,
  );
  await none(
    "the audit trail tells of every changed state",
    `select x.id from (select 1 as id where not exists (select from outbound_run_events) and exists (select from outbound_call_jobs where error_message like 'status of the old%')) x`,
  );
}
