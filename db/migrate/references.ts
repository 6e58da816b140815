// Foreign keys of the CRM's own tables to jobs and runs: a row that has to be moved aside would take theirs with it, or could
// not go. Which of the two sides is right, nobody but the CRM's people can say.
import { getTableName } from "drizzle-orm";
import type pg from "pg";
import { attempts, jobs, runEvents, runs, slots } from "../schema.ts";
import { TO_MOVE } from "./findings.ts";

const OURS = [runs, jobs, slots, attempts, runEvents].map(getTableName);
const READ = ["outbound_call_runs", "outbound_call_jobs", "business", "leads"];

interface Key {
  name: string;
  of: string;
  target: string;
  /** Counts its rows among those ids. */
  count: string;
}

/** One line for each key that is in the way. The CRM's columns must have been looked for before. */
export async function keysInTheWay(client: Pick<pg.Client, "query">): Promise<string[]> {
  const faults: string[] = [];
  for (const { name, of, target, count } of await foreignKeys(client)) {
    const { rows } = await client.query<{ n: number }>(count);
    const n = rows[0]?.n ?? 0;
    if (n > 0)
      faults.push(
        `${of} refers (${name}) to rows of ${target} that must be moved aside, ${n} times: take the key away, or those rows of ${of}`,
      );
  }
  return faults;
}

async function foreignKeys(client: Pick<pg.Client, "query">): Promise<Key[]> {
  const { rows } = await client.query<Key>(
    `select c.conname as name, c.conrelid::regclass::text as of, t.name as target,
            format('select count(*)::int as n from %s x where x.%I in (%s)', c.conrelid::regclass, a.attname, t.moved) as count
       from unnest($1::text[], $2::text[]) as t (name, moved)
       join pg_constraint c on c.contype = 'f' and c.confrelid = to_regclass(t.name)
       join pg_attribute a on a.attrelid = c.conrelid and c.conkey = array[a.attnum]
      where (select bool_and(to_regclass(r) is not null) from unnest($3::text[]) r)
        and c.conrelid <> all (select to_regclass(o) from unnest($4::text[]) o where to_regclass(o) is not null)
      order by 2, 1`,
    [Object.keys(TO_MOVE), Object.values(TO_MOVE), READ, OURS],
  );
  return rows;
}
