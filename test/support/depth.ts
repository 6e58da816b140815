// A database as it looks after years of calling: made by a few statements of generate_series, consistent in itself (the
// counters equal the rows), so that tests and benchmarks can ask what depth costs.
import { sql, type SQL } from "drizzle-orm";
import { array, rows, type Database, type Tx } from "../../db/client.ts";
import { inTransaction } from "../../db/transaction.ts";

/** Half a million keep a pass below a gigabyte. */
const JOBS_PER_PASS = 500_000;

/** @returns their ids */
export async function manyBusinesses(db: Database, count: number, limit: number): Promise<number[]> {
  const made = await rows<{ id: number }>(
    db,
    sql`with made as (
          insert into business (name, phone_number)
          select 'business ' || n, '+97231' || lpad(n::text, 6, '0') from generate_series(1, ${count}::int) n
          returning id
        ), limited as (
          insert into outbound_business_settings (business_id, max_calls) select id, ${limit}::int from made
        )
        select id from made order by id`,
  );
  return made.map(({ id }) => id);
}

/**
 * Ended runs with about so many jobs in all, each job with its attempt, its events and its row in call_log. Each business
 * called the same people again and again.
 */
export async function endedJobs(
  db: Database,
  businessIds: readonly number[],
  { jobs, perRun }: { jobs: number; perRun: number },
): Promise<void> {
  const runs = Math.ceil(jobs / perRun);
  const runsPerPass = Math.floor(JOBS_PER_PASS / perRun);
  await unhindered(db, (tx) => insertLeads(tx, businessIds, "Called before", 1_000_000, perRun));
  await withoutIndexes(db, async () => {
    for (let done = 0; done < runs; done += runsPerPass)
      await unhindered(db, (tx) => insertEnded(tx, businessIds, Math.min(runsPerPass, runs - done)));
  });
}

const FILLED = ["outbound_call_jobs", "outbound_call_attempts", "outbound_run_events", "call_log"];

/** Building an index at the end takes a fraction of what its million insertions do. Those of constraints stay. */
export async function withoutIndexes(db: Database, fill: () => Promise<void>): Promise<void> {
  const indexes = await rows<{ name: string; definition: string }>(
    db,
    sql`select quote_ident(c.relname) as name, pg_get_indexdef(i.indexrelid) as definition
          from pg_index i join pg_class c on c.oid = i.indexrelid
         where i.indrelid = any (${array(FILLED, "text")}::regclass[])
           and not exists (select from pg_constraint where conindid = i.indexrelid)`,
  );
  for (const { name } of indexes) await db.execute(sql`drop index ${sql.raw(name)}`);
  await fill();
  for (const { definition } of indexes)
    await inTransaction(db, async (tx) => {
      await tx.execute(sql`set local maintenance_work_mem = '512MB'`);
      await tx.execute(sql.raw(definition));
    });
}

/** One more run for each business, with so many calls live. Nobody dials them: they belong to a worker that never was. */
export async function liveJobs(db: Database, businessIds: readonly number[], each: number): Promise<void> {
  await unhindered(db, async (tx) => {
    await insertLeads(tx, businessIds, "On the phone", 5_000_000, each);
    await tx.execute(sql`
      create temporary table live on commit drop as
      select nextval(pg_get_serial_sequence('outbound_call_jobs', 'id'))::int as job_id, l.tenant_id as business_id, l.id as lead_id,
             l.phone_e164 as phone, gen_random_uuid()::text as token, 'CA' || replace(gen_random_uuid()::text, '-', '') as sid,
             row_number() over (partition by l.tenant_id order by l.id) as slot_no,
             min(nextval(pg_get_serial_sequence('outbound_call_runs', 'id'))) over (partition by l.tenant_id)::int as run_id
        from ${ids(businessIds)} join leads l on l.tenant_id = b.id and l.name = 'On the phone'`);
    await tx.execute(sql`
      insert into outbound_call_runs (id, business_id, engine, status, concurrency, total_leads, in_progress_count, started_at, lock_ts)
      select run_id, business_id, 'ringpost', 'running', 10, ${each}::int, ${each}::int, now(), now()
        from live group by run_id, business_id`);
    await tx.execute(sql`
      insert into outbound_call_jobs (id, run_id, lead_id, business_id, status, call_status, call_sid, twilio_call_sid, dial_started_at,
                                      dial_lock_token, lead_name, started_at, to_number, active_number, attempts)
      select job_id, run_id, lead_id, business_id, 'calling', 'in-progress', sid, sid, now(), token, 'On the phone', now(), phone, phone, 1
        from live`);
    await tx.execute(sql`
      insert into outbound_call_slots (business_id, slot_no, job_id, run_id, token, expires_at)
      select business_id, slot_no, job_id, run_id, token, now() + interval '10 minutes' from live`);
    await tx.execute(sql`
      insert into outbound_call_attempts (token, job_id, run_id, business_id, worker_id, from_number, to_number, begun_at, settled_at,
                                          call_sid, result, news_at)
      select token, job_id, run_id, business_id, gen_random_uuid(), '+972310', phone, now(), now(), sid, 'placed', now() from live`);
  });
}

/** One run for each business that nobody has begun, with so many leads waiting in all. @returns the runs' ids, in the businesses' order */
export async function queuedJobs(db: Database, businessIds: readonly number[], jobs: number): Promise<number[]> {
  const each = Math.ceil(jobs / businessIds.length);
  return await unhindered(db, async (tx) => {
    await insertLeads(tx, businessIds, "To be called", 3_000_000, each);
    const made = await rows<{ id: number }>(
      tx,
      sql`insert into outbound_call_runs (business_id, engine, status, concurrency, total_leads, queued_count)
          select id, 'ringpost', 'pending', 10, ${each}::int, ${each}::int from ${ids(businessIds)} returning id`,
    );
    await tx.execute(sql`
      insert into outbound_call_jobs (run_id, lead_id, business_id, status, lead_name, to_number, active_number)
      select r.id, l.id, r.business_id, 'queued', l.name, l.phone_e164, l.phone_e164
        from outbound_call_runs r join leads l on l.tenant_id = r.business_id and l.name = 'To be called'
       where r.id = any (${array(
         made.map(({ id }) => id),
         "int",
       )})
       order by r.id, l.id`);
    return made.map(({ id }) => id);
  });
}

const ids = (businessIds: readonly number[]): SQL =>
  sql`unnest(${array(businessIds, "int")}) with ordinality as b (id, place)`;

/** Without triggers and foreign keys: they would look at every row, and change none. */
async function unhindered<T>(db: Database, work: (tx: Tx) => Promise<T>): Promise<T> {
  return await inTransaction(db, async (tx) => {
    await tx.execute(sql`set local session_replication_role = replica`);
    return await work(tx);
  });
}

async function insertLeads(tx: Tx, businessIds: readonly number[], name: string, first: number, each: number) {
  await tx.execute(sql`
    insert into leads (tenant_id, name, phone_e164)
    select b.id, ${name}, '+97252' || (${first}::int + (b.place - 1) * ${each}::int + n)
      from ${ids(businessIds)}, generate_series(1, ${each}::int) n`);
}

async function insertEnded(tx: Tx, businessIds: readonly number[], runs: number): Promise<void> {
  await tx.execute(sql`
    create temporary table pass on commit drop as
    with made as (
      select nextval((select pg_get_serial_sequence('outbound_call_runs', 'id')::regclass))::int as run_id,
             (${array(businessIds, "int")})[1 + n % ${businessIds.length}::int] as business_id,
             clock_timestamp() - interval '1 year' * random() as at
        from generate_series(0, ${runs - 1}::int) n
    )
    select made.*, nextval((select pg_get_serial_sequence('outbound_call_jobs', 'id')::regclass))::int as job_id,
           nextval((select pg_get_serial_sequence('call_log', 'id')::regclass))::int as call_id, l.id as lead_id, l.phone_e164 as phone,
           md5('token ' || l.id || ' ' || run_id) as token, 'CA' || md5('sid ' || l.id || ' ' || run_id) as sid
      from made join leads l on l.tenant_id = made.business_id and l.name = 'Called before'`);
  await tx.execute(sql`
    insert into outbound_call_runs (id, business_id, engine, status, total_leads, completed_count, cursor_position, created_at,
                                    started_at, ended_at, completed_at, updated_at)
    select run_id, business_id, 'ringpost', 'completed', count(*), count(*), count(*), at, at, at, at, at
      from pass group by run_id, business_id, at`);
  await tx.execute(sql`
    insert into call_log (id, business_id, lead_id, call_sid, to_number, direction, status, call_status, duration, created_at)
    select call_id, business_id, lead_id, sid, phone, 'outbound', 'completed', 'completed', 30, at from pass`);
  await tx.execute(sql`
    insert into outbound_call_jobs (id, run_id, lead_id, business_id, call_log_id, status, call_status, outcome, call_sid,
                                    twilio_call_sid, dial_started_at, dial_lock_token, lead_name, created_at, started_at,
                                    completed_at, to_number, attempts)
    select job_id, run_id, lead_id, business_id, call_id, 'completed', 'completed', 'completed', sid, sid, at, token,
           'Called before', at, at, at, phone, 1
      from pass`);
  await tx.execute(sql`
    insert into outbound_call_attempts (token, job_id, run_id, business_id, worker_id, from_number, to_number, claimed_at, begun_at,
                                        settled_at, closed_at, call_sid, result, news_at)
    select token, job_id, run_id, business_id, gen_random_uuid(), '+972310', phone, at, at, at, at, sid, 'placed', at from pass`);
  await tx.execute(sql`
    insert into outbound_run_events (run_id, business_id, job_id, kind, actor, at)
    select run_id, business_id, job_id, kind, 'worker:history', at
      from pass cross join unnest(array['job.dialing', 'job.calling', 'job.ended']) as k (kind)`);
}
