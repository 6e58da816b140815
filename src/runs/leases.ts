// Leases: a worker is alive while it renews its row, and the runs it serves carry its name and the time (lock_ts).
import { sql, type SQL } from "drizzle-orm";
import type { Database } from "../../db/client.ts";
import type { Given } from "../../db/statement.ts";
import type { Limits, WorkerIdentity } from "./engine.ts";
import { utcNow } from "./rows.ts";

/**
 * Renews the worker's own row, and then the locks of the running runs it holds, in one statement. A run whose row is
 * locked by someone else is skipped: it is renewed the next time, and one blocked run must not stop the heartbeat.
 *
 * A lock that is older than the TTL is not renewed: a machine that slept for hours must not make phones ring when it
 * wakes; reclaim ends such a run. The age counts from Postgres' own start, since nobody can renew while it is away.
 */
export async function heartbeat(
  db: Database,
  worker: WorkerIdentity,
  graphileIds: readonly string[],
  limits: Pick<Limits, "runTtlMs">,
): Promise<void> {
  await db.execute(sql`
    with me as (
      insert into outbound_workers (id, name, host, pid, graphile_worker_ids)
      values (${worker.id}::uuid, ${worker.name}, ${worker.host}, ${worker.pid}, ${sql.param(graphileIds)}::text[])
      on conflict (id) do update
         set graphile_worker_ids = excluded.graphile_worker_ids, heartbeat_at = clock_timestamp(), stopped_at = null
    )
    update outbound_call_runs
       set lock_ts = ${utcNow}, updated_at = ${utcNow}
     where id in (select id from outbound_call_runs
                   where status = 'running' and worker_id = ${worker.id}::uuid and ${lockFresh(limits)}
                   order by id
                     for no key update skip locked)`);
}

/** The last word of a worker that ends in order: nobody has to wait for its lease to run out. */
export async function signOff(db: Database, worker: WorkerIdentity): Promise<void> {
  await db.execute(sql`
    update outbound_workers set stopped_at = clock_timestamp() where id = ${worker.id}::uuid`);
}

/** Whether a run's lock is younger than the TTL; a run that never had one counts as fresh. */
export const lockFresh = (limits: Pick<Limits, "runTtlMs">): SQL => lockFreshFor(limits.runTtlMs / 1000);

export const lockFreshFor = (ttlSeconds: number | Given): SQL => sql`
  (lock_ts is null
   or greatest(lock_ts, pg_postmaster_start_time()::timestamp) > clock_timestamp()::timestamp - make_interval(secs => ${ttlSeconds}))`;
