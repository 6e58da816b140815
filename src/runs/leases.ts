// Leases: a worker is alive while it renews its row, and the runs it serves carry its name and the time (lock_ts).
import { sql } from "drizzle-orm";
import type { Database } from "../../db/client.ts";
import type { WorkerIdentity } from "./engine.ts";
import { utcNow } from "./rows.ts";

export async function registerWorker(db: Database, worker: WorkerIdentity, graphileIds: string[]): Promise<void> {
  await db.execute(sql`
    insert into outbound_workers (id, name, hostname, pid, graphile_worker_ids)
    values (${worker.id}::uuid, ${worker.name}, ${worker.hostname}, ${worker.pid}, ${sql.param(graphileIds)}::text[])
    on conflict (id) do update
       set graphile_worker_ids = (select array_agg(distinct w) from unnest(outbound_workers.graphile_worker_ids || excluded.graphile_worker_ids) w),
           heartbeat_at = clock_timestamp(), stopped_at = null`);
}

/**
 * Renews the worker's own row first, then the locks of the running runs it holds. A run whose row is locked by someone
 * else is skipped: it is renewed by whoever changes it, and one blocked run must not stop the heartbeat.
 */
export async function heartbeat(db: Database, worker: WorkerIdentity): Promise<void> {
  await db.execute(sql`
    update outbound_workers set heartbeat_at = clock_timestamp(), stopped_at = null where id = ${worker.id}::uuid`);
  await db.execute(sql`
    update outbound_call_runs
       set lock_ts = ${utcNow}, updated_at = ${utcNow}
     where id in (select id from outbound_call_runs
                   where status = 'running' and worker_id = ${worker.id}::uuid
                   order by id
                     for no key update skip locked)`);
}

/** The last word of a worker that ends in order: nobody has to wait for its lease to run out. */
export async function signOff(db: Database, worker: WorkerIdentity): Promise<void> {
  await db.execute(sql`
    update outbound_workers set stopped_at = clock_timestamp() where id = ${worker.id}::uuid`);
}
