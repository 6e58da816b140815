// Adoption: what a dead worker held goes on with the living, within seconds (I7). Its claims that had not begun go back
// to the queue, its runs get a new holder, its Graphile locks are freed. What had begun is reconcile's.
import { sql } from "drizzle-orm";
import { row, rows } from "../../db/client.ts";
import { inTransaction } from "../../db/transaction.ts";
import { lockBusiness } from "../../db/locks.ts";
import { audit } from "./audit.ts";
import type { Engine } from "./engine.ts";
import { lockFresh } from "./leases.ts";
import { utcNow } from "./rows.ts";
import { claimsOf, takeBackClaims } from "./takeBack.ts";
import { wakeDispatch } from "./wake.ts";
import { workersGone, type GoneWorker } from "./workersGone.ts";

export interface Adopted {
  workers: number;
  runs: number;
  claims: number;
}

/** Safe to run in several workers at once: every step is guarded by what it finds. */
export async function adopt(engine: Engine): Promise<Adopted> {
  const gone = await workersGone(engine);
  let claims = 0;
  for (const worker of gone) claims += await takeBackClaims(engine, claimsOf(worker), { lost: worker.name });
  const runs = await takeOverRuns(engine, gone);
  for (const worker of gone) await bury(engine, worker);
  return { workers: gone.length, runs, claims };
}

/** Running runs whose holder is gone, unknown, or that have none (resumed): younger ones than the TTL only. */
async function takeOverRuns(engine: Engine, gone: readonly GoneWorker[]): Promise<number> {
  const orphaned = await rows<{ id: number; businessId: number }>(
    engine.db,
    sql`select id, business_id as "businessId"
          from outbound_call_runs
         where status = 'running' and engine = 'ringpost' and ${lockFresh(engine.limits)}
           and (worker_id is null or worker_id = any (${sql.param(gone.map((w) => w.id))}::uuid[])
                or not exists (select from outbound_workers w where w.id = worker_id))
         order by business_id, id`,
  );
  let taken = 0;
  for (const run of orphaned) {
    taken += await inTransaction(engine.db, async (tx) => {
      await lockBusiness(tx, run.businessId);
      const before = await row<{ holder: string | null; workerId: string | null }>(
        tx,
        sql`select locked_by_worker as holder, worker_id as "workerId" from outbound_call_runs where id = ${run.id} for no key update`,
      );
      const mine = await row(
        tx,
        sql`update outbound_call_runs
               set locked_by_worker = ${engine.worker.name}, worker_id = ${engine.worker.id}::uuid, lock_ts = ${utcNow}, updated_at = ${utcNow}
             where id = ${run.id} and business_id = ${run.businessId} and status = 'running' and ${lockFresh(engine.limits)}
               and (worker_id is null or worker_id = any (${sql.param(gone.map((w) => w.id))}::uuid[])
                    or not exists (select from outbound_workers w where w.id = worker_id))
            returning 1`,
      );
      if (!mine) return 0;
      const { id: runId, businessId } = run;
      const detail = { from: before?.holder ?? null };
      await audit(tx, { runId, businessId, kind: "run.adopted", actor: `worker:${engine.worker.name}`, detail });
      await wakeDispatch(tx, businessId);
      return 1;
    });
  }
  return taken;
}

/** Frees its Graphile jobs, which would stay locked for four hours, and forgets it. One that was only frozen registers again. */
async function bury(engine: Engine, worker: GoneWorker): Promise<void> {
  if (worker.graphileWorkerIds.length > 0)
    await engine.db.execute(
      sql`select graphile_worker.force_unlock_workers(${sql.param(worker.graphileWorkerIds)}::text[])`,
    );
  await engine.db.execute(sql`
    delete from outbound_workers
     where id = ${worker.id}::uuid
       and not exists (select from outbound_call_attempts a
                        where a.worker_id = ${worker.id}::uuid and a.closed_at is null and a.begun_at is null)`);
  engine.log.info({ lost: worker.name }, "adopt: took over from a worker that is gone");
}
