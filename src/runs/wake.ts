// Wake-ups: the Graphile jobs that this system adds, always inside the transaction that gives them something to do.
import { sql, type SQL } from "drizzle-orm";
import { row, type Queryable } from "../../db/client.ts";

/**
 * Asks a worker to dispatch for the business, at most one request waiting at a time (job_key). Call it last in the
 * transaction: it holds the key's row lock until the commit.
 */
export async function wakeDispatch(tx: Queryable, businessId: number): Promise<void> {
  await addJob(tx, "dispatch_calls", { businessId }, `dispatch:${businessId}`);
}

/** Whether such a request waits for a worker at this moment. One that failed and waits for its next try does not count. */
export const dispatchIsAsked = (businessId: SQL): SQL => sql`
  exists (select from graphile_worker.jobs asked
           where asked.key = 'dispatch:' || ${businessId} and asked.locked_at is null
             and asked.attempts < asked.max_attempts and asked.run_at <= clock_timestamp())`;

/** A slot became free: worth a dispatch only if somebody waits for it. Enqueue and resume wake for themselves. */
export async function wakeIfWaiting(tx: Queryable, businessId: number): Promise<void> {
  const waiting = await row(
    tx,
    sql`select 1 from outbound_call_runs
         where business_id = ${businessId} and status in ('pending', 'running') and queued_count > 0 and engine = 'ringpost'
         limit 1`,
  );
  if (waiting) await wakeDispatch(tx, businessId);
}

/** Asks a worker to end the run's calls at the carrier: only those still queued there, or all (`hangUp`). */
export async function wakeEndCalls(tx: Queryable, runId: number, hangUp: boolean): Promise<void> {
  await addJob(tx, "end_calls", { runId, hangUp }, `end:${runId}`);
}

/** Asks a worker to hang up one call that nothing in the database wants. */
export async function wakeHangUp(tx: Queryable, sid: string): Promise<void> {
  await addJob(tx, "hang_up", { sid }, `hang_up:${sid}`);
}

// ringpost.add_job is Graphile's own for the system; a request may add these jobs for its business alone. It returns only
// once the job is there.
async function addJob(tx: Queryable, task: string, payload: object, key: string): Promise<void> {
  await tx.execute(sql`select ringpost.add_job(${task}, ${JSON.stringify(payload)}::json, ${key})`);
}
