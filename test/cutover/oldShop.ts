// A business of the old system at its last state, after the migration and before the cut-over: runs and jobs as a test
// wants them.
import { sql } from "drizzle-orm";
import { openDatabase, rows, type Database } from "../../db/client.ts";
import { migrateDatabase } from "../../db/migrate.ts";
import { freshDatabase, type Scope } from "../support/postgres.ts";
import { CRM, oldSteps } from "../upgrade/oldStates.ts";
import { connect } from "../upgrade/support.ts";

/** Business 1 with leads 1 to 60, each with a number of its own; `statements` insert the rest. */
export async function anOldShop(t: Scope, statements: string): Promise<{ url: string }> {
  const { url } = await freshDatabase(t);
  const client = await connect(url);
  for (const statement of [...CRM, ...oldSteps(true).flatMap((step) => step.statements)]) await client.query(statement);
  await client.query(`
    insert into business (id, name, phone_number) values (1, 'Shop', '03-1234567');
    insert into leads (id, tenant_id, name, phone_e164) select n, 1, 'Lead ' || n, '05' || (20000000 + n) from generate_series(1, 60) n;
    ${statements};
    select setval('outbound_call_runs_id_seq', 100), setval('outbound_call_jobs_id_seq', 1000)`);
  await client.end();
  await migrateDatabase(url);
  return { url };
}

/** The same, with a connection to it. */
export async function openOldShop(t: Scope, statements: string): Promise<Database> {
  const { url } = await anOldShop(t, statements);
  const db = openDatabase({ url, name: "test", max: 4 });
  t.after(() => db.$client.end());
  return db;
}

/** A run made an hour ago, which nobody has touched since. */
export const aRun = (id: number, status: string, more = "", values = "") =>
  `insert into outbound_call_runs (id, business_id, status, created_at, updated_at${more && `, ${more}`})
   values (${id}, 1, '${status}', now() - interval '1 hour', now() - interval '1 hour'${values && `, ${values}`})`;

/** Jobs of a run, queued, one for each lead; their ids are the leads' with the run's in front (run 2, lead 7: 207). */
export const queuedJobs = (run: number, from: number, to: number) =>
  `insert into outbound_call_jobs (id, run_id, lead_id, business_id, status, created_at)
   select ${run} * 100 + n, ${run}, n, 1, 'queued', now() - interval '1 hour' from generate_series(${from}, ${to}) n`;

/** What became of each job, by id. */
export async function fates(db: Database, run: number): Promise<Record<number, string>> {
  const found = await rows<{ id: number; fate: string }>(
    db,
    sql`select id, concat_ws(' ', status, error_code) as fate from outbound_call_jobs where run_id = ${run} order by id`,
  );
  return Object.fromEntries(found.map(({ id, fate }) => [id, fate]));
}
