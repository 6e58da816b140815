// Rows as the old system left them: mostly in order, and with every kind of damage that it could do. What a state's own
// keys forbid is left out.
import type pg from "pg";
import { type Random, seeded } from "../support/random.ts";

const RUN_WORDS = [
  "pending",
  "running",
  "completed",
  "cancelled",
  "failed",
  "stopped",
  "stopping",
  "RUNNING",
  " Completed ",
  "processing",
  "done",
  "paused",
  null,
];
const JOB_WORDS = [
  "queued",
  "queued",
  "queued",
  "completed",
  "failed",
  "calling",
  "dialing",
  "DIALLING",
  "dialling",
  "Queued",
  "in_progress",
  "busy",
  "no-answer",
  "cancelled",
  "canceled",
  "",
  null,
];

type Row = Record<string, string | number | boolean | null>;

/** @returns how many rows each table has then */
export async function fillOld(client: pg.Client, seed: number, size = 120): Promise<{ runs: number; jobs: number }> {
  const random = seeded(seed);
  await client.query(
    `insert into business (id, name, phone_number) values (1, 'One', '03-1234567'), (2, 'Two', '+97231234568')`,
  );
  await client.query(`insert into users (id, email, business_id) values (1, 'a@b.c', 1)`);
  await client.query(`insert into outbound_lead_lists (id, tenant_id, name) values (1, 1, 'L'), (2, 2, 'M')`);
  await client.query(
    `insert into leads (id, tenant_id, name, phone_e164)
     select n, 1 + n % 2, 'Lead ' || n, case n % 10 when 0 then 'none' when 1 then '050-1234567' else '05' || (20000000 + n) end
       from generate_series(1, 200) n`,
  );
  await client.query(
    `insert into call_log (id, business_id, call_sid, direction) select n, 1 + n % 2, 'CA' || n, 'outbound' from generate_series(1, 20) n`,
  );
  const columns = await columnsOf(client);
  for (let id = 1; id <= Math.ceil(size / 8); id++)
    await insert(client, columns, "outbound_call_runs", aRun(random, id));
  for (let id = 1; id <= size; id++)
    await insert(client, columns, "outbound_call_jobs", aJob(random, id, Math.ceil(size / 8)));
  for (const table of Object.keys(columns)) await client.query(`select setval('${table}_id_seq', 10000)`);
  return await counts(client);
}

const ago = (random: Random, days: number) =>
  new Date(Date.UTC(2026, 1, 1) - random.below(days * 86_400) * 1000).toISOString().slice(0, 19);
const chance = (random: Random, percent: number) => random.below(100) < percent;

function aRun(random: Random, id: number): Row {
  const status = random.pick(RUN_WORDS);
  return {
    id,
    business_id: chance(random, 90) ? 1 + (id % 2) : random.pick([null, 77]),
    outbound_list_id: random.pick([null, 1, 2, 99]),
    status,
    concurrency: random.pick([1, 3, 10, 50]),
    total_leads: random.below(20),
    queued_count: random.pick([0, 5, -1, null]),
    in_progress_count: random.below(3),
    completed_count: random.below(10),
    failed_count: random.below(10),
    created_at: ago(random, 200),
    completed_at: status === "completed" ? ago(random, 100) : null,
    cancel_requested: random.pick([true, false, false, null]),
    updated_at: random.pick([null, ago(random, 100)]),
    created_by_user_id: random.pick([null, 1, 55]),
    lock_ts: random.pick([null, ago(random, 100)]),
    locked_by_worker: random.pick([null, "old:1"]),
  };
}

function aJob(random: Random, id: number, runs: number): Row {
  const status = random.pick(JOB_WORDS);
  const run = 1 + random.below(runs);
  const sid = random.pick([null, null, `CA${id}`]);
  return {
    id,
    run_id: chance(random, 92) ? run : random.pick([null, 999]),
    // Odd runs are business 2's, and so are the odd leads.
    lead_id: chance(random, 90) ? 2 * random.below(40) + (run % 2) + 2 : random.pick([null, 888, 3, 4]),
    call_log_id: random.pick([null, null, 1 + random.below(20), 777]),
    status,
    call_sid: sid,
    twilio_call_sid: random.pick([null, sid]),
    dial_started_at: sid ? ago(random, 100) : null,
    dial_lock_token: sid ? `t${id}` : null,
    created_at: random.pick([null, ago(random, 200)]),
    completed_at: status === "completed" ? ago(random, 100) : null,
    business_id: random.pick([null, 1, 2]),
    lead_name: "Somebody",
  };
}

async function columnsOf(client: pg.Client): Promise<Record<string, Set<string>>> {
  const { rows } = await client.query<{ table: string; columns: string[] }>(
    `select table_name as table, array_agg(column_name::text) as columns from information_schema.columns
      where table_name in ('outbound_call_runs', 'outbound_call_jobs') group by 1`,
  );
  return Object.fromEntries(rows.map((r) => [r.table, new Set(r.columns)]));
}

/** Only columns that this state has, and only rows that its keys allow. */
async function insert(client: pg.Client, columns: Record<string, Set<string>>, table: string, row: Row): Promise<void> {
  const known = columns[table];
  if (!known) return;
  const names = Object.keys(row).filter((name) => known.has(name));
  const values = names.map((name) => row[name]);
  const list = names.map((_, n) => `$${n + 1}`).join(", ");
  try {
    await client.query(`insert into ${table} (${names.join(", ")}) values (${list})`, values);
  } catch (error) {
    if (!/^2[23]/.test((error as pg.DatabaseError).code ?? "")) throw error;
  }
}

/** Rows of both tables, those moved aside included; 0 where there is no table. */
export async function counts(client: pg.Client): Promise<{ runs: number; jobs: number }> {
  const rowsOf = async (...tables: string[]) => {
    let sum = 0;
    for (const table of tables) {
      const { rows: there } = await client.query<{ ok: boolean }>("select to_regclass($1) is not null as ok", [table]);
      if (!there[0]?.ok) continue;
      sum += (await client.query<{ n: number }>(`select count(*)::int as n from ${table}`)).rows[0]!.n;
    }
    return sum;
  };
  return {
    runs: await rowsOf("outbound_call_runs", "outbound_call_runs_removed"),
    jobs: await rowsOf("outbound_call_jobs", "outbound_call_jobs_removed"),
  };
}
