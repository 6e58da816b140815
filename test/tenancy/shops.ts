// Two businesses with a row in every table, and a way to act as a request of one of them, in raw SQL.
import pg from "pg";

export interface Shop {
  business: number;
  user: number;
  list: number;
  lead: number;
  /** A second lead, without a job. */
  spare: number;
  call: number;
  run: number;
  job: number;
}

export const OURS = [
  "outbound_call_runs",
  "outbound_call_jobs",
  "outbound_call_slots",
  "outbound_call_attempts",
  "outbound_run_events",
  "outbound_business_settings",
  "outbound_idempotency_keys",
  "outbound_request_counts",
  "outbound_cleanups",
];
/** Ours as well, and nothing to any request: what an upgrade moved aside. */
export const CLOSED = ["outbound_call_runs_removed", "outbound_call_jobs_removed"];
/** Ours too, but of no tenant: a few columns of them may be read. */
export const SHARED = ["outbound_workers", "outbound_carrier_accounts"];
/** The CRM's, with the column that names the tenant. */
export const CRM: Record<string, string> = {
  business: "id",
  users: "business_id",
  outbound_lead_lists: "tenant_id",
  leads: "tenant_id",
  call_log: "business_id",
};

export async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, options: "-c TimeZone=UTC" });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

export async function aShop(on: pg.Client): Promise<Shop> {
  const id = async (sql: string, values: unknown[] = []) =>
    (await on.query<{ id: number }>(`${sql} returning id`, values)).rows[0]!.id;
  const business = await id("insert into business (name) values ('Shop')");
  const user = await id("insert into users (business_id, name) values ($1, 'Dana')", [business]);
  const list = await id("insert into outbound_lead_lists (tenant_id, name) values ($1, 'List')", [business]);
  const aLead = () =>
    id("insert into leads (tenant_id, name, phone_e164, outbound_list_id) values ($1, 'Noa', '+972501234567', $2)", [
      business,
      list,
    ]);
  const [lead, spare] = [await aLead(), await aLead()];
  const call = await id("insert into call_log (business_id, lead_id, call_sid) values ($1, $2, $3)", [
    business,
    lead,
    `CA${business}`,
  ]);
  const run = await id(
    `insert into outbound_call_runs (business_id, engine, status, started_at, total_leads, in_progress_count)
     values ($1, 'ringpost', 'running', now(), 1, 1)`,
    [business],
  );
  const job = await id(
    `insert into outbound_call_jobs (run_id, lead_id, business_id, status, to_number, dial_lock_token, dial_started_at)
     values ($1, $2, $3, 'dialing', '+972501234567', $4, now())`,
    [run, lead, business, `t${business}`],
  );
  await on.query(
    `with slot as (insert into outbound_call_slots (business_id, slot_no, job_id, run_id, token, expires_at)
                   values ($1, 1, $3, $2, $4, now())),
          attempt as (insert into outbound_call_attempts (token, job_id, run_id, business_id, worker_id, from_number, to_number)
                      values ($4, $3, $2, $1, gen_random_uuid(), '+97231', '+97250')),
          event as (insert into outbound_run_events (run_id, business_id, kind, actor) values ($2, $1, 'run.created', 'user:7')),
          settings as (insert into outbound_business_settings (business_id) values ($1)),
          cleaned as (insert into outbound_cleanups (business_id, at) values ($1, now())),
          counted as (insert into outbound_request_counts (business_id, window_no, taken) values ($1, 1, 1))
     insert into outbound_idempotency_keys (business_id, key, fingerprint, result) values ($1, 'k', 'f', '{}')`,
    [business, run, job, `t${business}`],
  );
  return { business, user, list, lead, spare, call, run, job };
}

export type Tried = { rows: Record<string, unknown>[]; count: number } | { code: string };

/** What each statement did when a request of `business` (null: none was named) tried it. Nothing of it stays. */
export async function asRequest(
  on: pg.Client,
  business: number | null,
): Promise<{ attempt(sql: string): Promise<Tried>; leave(): Promise<void> }> {
  await on.query("begin");
  if (business === null) await on.query("set local role ringpost_request; set local search_path = ringpost, public");
  else await on.query("select ringpost.enter($1)", [business]);
  return {
    async attempt(sql) {
      await on.query("savepoint s");
      try {
        const { rows, rowCount } = await on.query<Record<string, unknown>>(sql);
        return { rows, count: rowCount ?? 0 };
      } catch (error) {
        return { code: (error as { code: string }).code };
      } finally {
        await on.query("rollback to s");
      }
    },
    leave: async () => void (await on.query("rollback")),
  };
}
