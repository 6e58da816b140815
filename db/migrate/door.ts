// The schema ringpost, put back when somebody dropped it. A view keeps the columns that it shows from changing their type:
// who must change one in the CRM's tables drops ours (`drop schema ringpost cascade`), and the next migration makes them
// anew, because their files can run on any state.
//
// Once everything is in it, the schema has the comment 'complete', which goes with it. Its views alone do not tell: rights,
// policies and functions come after the last of them, and a migration may be killed in between.
import type pg from "pg";
import { migrationFiles, type MigrationFile } from "./files.ts";
import { runFile } from "./runFile.ts";
import type { Runner } from "./runner.ts";

/** All that makes something in the schema for the running system, in order: later ones replace what earlier ones made. */
const DOOR = [
  "0003_tenant_door",
  "0040_add_job",
  "0041_lookups",
  "0042_end_calls_if_stopped",
  "0044_caller_id_of_another",
  "0046_end_calls_of_a_failed_run",
];
const DOOR_VIEWS = 7;

/** Before the pending files, which build on it: what the recorded ones had made of it. */
export async function restoreDoor(runner: Runner, pending: MigrationFile[]): Promise<void> {
  const lacking = new Set(pending.map((file) => file.tag));
  const made = migrationFiles().filter(({ tag }) => DOOR.includes(tag) && !lacking.has(tag));
  if (made.length === 0 || (await isWhole(runner.client))) return;
  await runner.client.query(
    "do $$ begin if to_regnamespace('ringpost') is not null then comment on schema ringpost is null; end if; end $$",
  );
  for (const file of made) await runFile(runner, file);
}

/** After all files. */
export async function markDoorWhole(client: pg.Client): Promise<void> {
  if (!(await isWhole(client))) await client.query("comment on schema ringpost is 'complete'");
}

async function isWhole(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ whole: boolean }>(
    `select coalesce(obj_description(n.oid, 'pg_namespace') = 'complete', false)
            and (select count(*) from pg_class c where c.relkind = 'v' and c.relnamespace = n.oid) >= $1 as whole
       from pg_namespace n where n.nspname = 'ringpost'`,
    [DOOR_VIEWS],
  );
  return rows[0]?.whole ?? false;
}
