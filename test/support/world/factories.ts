// Rows for tests: businesses, leads, and runs that exist already, in any state and of any age.
import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { array, row, rows, type Database, type Queryable, type Tx } from "../../../db/client.ts";
import { inTransaction } from "../../../db/transaction.ts";
import { lockBusiness } from "../../../db/locks.ts";
import { LIVE_JOB, OPEN_RUN, type JobStatus, type RunStatus } from "../../../src/runs/states.ts";

/** Ages, in milliseconds. */
export const seconds = (n: number): number => n * 1000;
export const minutes = (n: number): number => n * 60_000;

export interface Business {
  id: number;
  /** Its caller id, which the observer knows it by. */
  from: string;
  /** The highest limit it ever had. */
  highestLimit: number;
}

export interface BusinessOptions {
  /** Calls at once; default: the workers' default limit. */
  limit?: number;
}

/** Counts numbers up, so that no two leads of a test process share one. */
let lastNumber = 2_000_000;
let lastCallerId = 1_000;

/** `+97252xxxxxxx`: valid, and nobody else's. */
export const aNumber = (): string => `+97252${++lastNumber}`;

export async function insertBusiness(db: Database, defaultLimit: number, options: BusinessOptions): Promise<Business> {
  const from = `+9723600${++lastCallerId}`;
  const made = await row<{ id: number }>(
    db,
    sql`insert into business (name, phone_number) values (${`business ${from}`}, ${from}) returning id`,
  );
  const business = { id: made!.id, from, highestLimit: options.limit ?? defaultLimit };
  if (options.limit !== undefined) await setLimit(db, business, options.limit);
  return business;
}

export async function setLimit(db: Database, business: Business, limit: number): Promise<void> {
  business.highestLimit = Math.max(business.highestLimit, limit);
  await db.execute(sql`
    insert into outbound_business_settings (business_id, max_calls) values (${business.id}, ${limit})
    on conflict (business_id) do update set max_calls = excluded.max_calls`);
}

/** @returns their ids, in the order of their numbers */
export async function insertLeads(db: Queryable, businessId: number, phones: (string | null)[]): Promise<number[]> {
  const made = await rows<{ id: number }>(
    db,
    sql`insert into leads (tenant_id, name, phone_e164)
        select ${businessId}, 'Lead ' || p.n, p.phone
          from unnest(${array(phones, "text")}) with ordinality as p (phone, n)
         order by p.n
        returning id`,
  );
  return made.map((lead) => lead.id);
}

export interface RunOptions {
  business: Business;
  status?: RunStatus;
  /** How many jobs of each status; default one queued. */
  jobs?: Partial<Record<JobStatus, number>>;
  concurrency?: number;
  cancelRequested?: boolean;
  /** Milliseconds since the last heartbeat of its worker; null: never had one. */
  lockedAgo?: number | null;
  updatedAgo?: number;
  lockedBy?: string;
  /** The boot id of the worker that holds it. */
  workerId?: string;
  /** Milliseconds since the claim and the mark of its live jobs. */
  begunAgo?: number | null;
}

export interface MadeRun {
  runId: number;
  /** By status, in the order of their ids. */
  jobs: Record<JobStatus, number[]>;
}

const STATUS_ORDER: readonly JobStatus[] = ["completed", "failed", "cancelled", "calling", "dialing", "queued"];

/** A run with its jobs, slots and attempts, consistent in itself, without any worker having touched it. */
export async function insertRun(db: Database, options: RunOptions): Promise<MadeRun> {
  return await inTransaction(db, async (tx) => {
    // A worker that lives may be filling the same slots.
    await lockBusiness(tx, options.business.id);
    return await insertWhole(tx, options);
  });
}

async function insertWhole(db: Tx, options: RunOptions): Promise<MadeRun> {
  const { business, status = "running", concurrency = 3, cancelRequested = false } = options;
  const counts = { queued: 0, dialing: 0, calling: 0, completed: 0, failed: 0, cancelled: 0, ...options.jobs };
  if (!options.jobs) counts.queued = 1;
  const ended = counts.completed + counts.failed + counts.cancelled;
  const live = counts.dialing + counts.calling;
  const lockedAgo = options.lockedAgo ?? null;
  const ago = (ms: number) => sql`(clock_timestamp() - make_interval(secs => ${ms / 1000}))`;
  const open = OPEN_RUN.includes(status);
  const run = await row<{ id: number }>(
    db,
    sql`insert into outbound_call_runs (business_id, concurrency, engine, status, cancel_requested, total_leads, queued_count,
               in_progress_count, completed_count, failed_count, cancelled_count, cursor_position, locked_by_worker,
               worker_id, lock_ts, started_at, ended_at, completed_at, updated_at)
        select ${business.id}, ${concurrency}, 'ringpost', ${status}, ${cancelRequested}, ${ended + live + counts.queued},
               ${counts.queued}, ${live}, ${counts.completed}, ${counts.failed}, ${counts.cancelled}, ${ended},
               ${options.lockedBy ?? (lockedAgo === null ? null : "elsewhere:1")}, ${options.workerId ?? null}::uuid,
               ${lockedAgo === null ? null : ago(lockedAgo)}::timestamp,
               ${status === "pending" ? null : sql`now()`}::timestamp, t.at, t.at,
               ${ago(options.updatedAgo ?? lockedAgo ?? 0)}::timestamp
          from (select ${open ? null : sql`now()`}::timestamp as at) t
        returning id`,
  );
  const jobs = { queued: [], dialing: [], calling: [], completed: [], failed: [], cancelled: [] } as MadeRun["jobs"];
  for (const of of STATUS_ORDER)
    for (let n = 0; n < counts[of]; n++) jobs[of].push(await insertJob(db, run!.id, of, open, options));
  return { runId: run!.id, jobs };
}

async function insertJob(
  db: Tx,
  runId: number,
  status: JobStatus,
  runIsOpen: boolean,
  { business, workerId = randomUUID(), begunAgo = 0 }: RunOptions,
): Promise<number> {
  const number = aNumber();
  const [leadId] = await insertLeads(db, business.id, [number]);
  const isLive = LIVE_JOB.includes(status);
  const isActive = isLive || status === "queued";
  const token = isLive ? randomUUID() : null;
  const sid = status === "calling" || status === "completed" ? `CA${randomUUID().replaceAll("-", "")}` : null;
  const job = await row<{ id: number }>(
    db,
    sql`insert into outbound_call_jobs (run_id, lead_id, business_id, status, to_number, active_number, dial_lock_token,
               dial_started_at, started_at, call_sid, twilio_call_sid, call_status, completed_at)
        values (${runId}, ${leadId}, ${business.id}, ${status}, ${number}, ${isActive && runIsOpen ? number : null}, ${token},
                ${isLive ? sql`now()` : null}::timestamp, ${isLive ? sql`now()` : null}::timestamp, ${sid}, ${sid},
                ${status === "calling" ? "queued" : null}, ${isActive ? null : sql`now()`}::timestamp)
        returning id`,
  );
  if (!token) return job!.id;
  const begun = begunAgo === null ? null : sql`(clock_timestamp() - make_interval(secs => ${begunAgo / 1000}))`;
  await db.execute(sql`
    with slot as (
      insert into outbound_call_slots (business_id, slot_no, job_id, run_id, token, expires_at)
      select ${business.id}, coalesce(max(slot_no), 0) + 1, ${job!.id}, ${runId}, ${token}, clock_timestamp() + interval '10 min'
        from outbound_call_slots where business_id = ${business.id}
    )
    insert into outbound_call_attempts (token, job_id, run_id, business_id, worker_id, from_number, to_number, claimed_at,
                                        begun_at, settled_at, call_sid, news_at, result)
    select ${token}, ${job!.id}, ${runId}, ${business.id}, ${workerId}::uuid, ${business.from}, ${number},
           coalesce(t.begun, clock_timestamp()), t.begun, case when ${sid}::text is not null then t.begun end, ${sid},
           case when ${sid}::text is not null then t.begun end, case when ${sid}::text is not null then 'placed' end
      from (select ${begun}::timestamptz as begun) t`);
  return job!.id;
}
