// One run of the old system becomes ours, in one transaction: its jobs as decide.ts says, its counters counted anew.
import { setImmediate as yieldToOthers } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { row, rows, type Database, type Tx } from "../../db/client.ts";
import { inTransaction } from "../../db/transaction.ts";
import { lockBusiness, lockEnqueue } from "../../db/locks.ts";
import { normalisePhone, type NormalisedPhone } from "../leads/phone.ts";
import { audit } from "../runs/audit.ts";
import type { RunStatus } from "../runs/states.ts";
import { wakeDispatch } from "../runs/wake.ts";
import { applyMoves } from "./applyMoves.ts";
import { decideJobs, statusAfter, type Move, type OldJob, type OldRun, type Taken } from "./decide.ts";
import { whatIsInUse } from "./inUse.ts";

export interface HandedOver {
  status: RunStatus;
  moves: Move[];
}

/** Left for whoever reads the run, and asked for by resume. */
const HANDED_OVER = "Handed over from the old system; resume it to go on";
/** About 30 ms of normalising. */
const SLICE = 2_000;

/** Adds to `taken`, once it is committed. Undefined: it is not the old system's any more. */
export async function handOverRun(
  db: Database,
  businessId: number,
  runId: number,
  taken: Taken,
): Promise<HandedOver | undefined> {
  const phones = await readPhones(db, businessId, runId);
  const done = await inTransaction(db, async (tx) => {
    await lockBusiness(tx, businessId);
    await lockEnqueue(tx, businessId);
    const run = await row<OldRun & { lastError: string | null }>(
      tx,
      sql`select status, cancel_requested as "cancelRequested", last_error as "lastError",
                 coalesce(extract(epoch from clock_timestamp()::timestamp - created_at) * 1000, 1e15)::float8 as "ageMs"
            from outbound_call_runs
           where id = ${runId} and business_id = ${businessId} and engine <> 'ringpost'
             for update`,
    );
    if (!run) return undefined;
    const jobs = await lockJobs(tx, businessId, runId, phones);
    // A copy: a transaction that is repeated must not find its own run's numbers taken.
    const inUse = await whatIsInUse(tx, businessId, jobs, taken);
    const moves = decideJobs(run, jobs, inUse);
    const planned = statusAfter(run, jobs);
    await applyMoves(tx, { runId, businessId, open: planned === "pending" }, moves);
    const status = await takeRun(tx, businessId, runId, run, planned, moves);
    const detail = {
      from: run.status,
      status,
      ...tally(moves),
      ...(run.lastError ? { last_error: run.lastError } : {}),
    };
    await audit(tx, { runId, businessId, kind: "run.handed_over", actor: "cutover", detail });
    if (status === "pending") await wakeDispatch(tx, businessId);
    return { status, moves, inUse };
  });
  if (!done) return undefined;
  for (const number of done.inUse.numbers) taken.numbers.add(number);
  for (const sid of done.inUse.sids) taken.sids.add(sid);
  return { status: done.status, moves: done.moves };
}

/** By job. Outside the transaction, because numbers cost processor time. */
async function readPhones(db: Database, businessId: number, runId: number): Promise<Map<number, NormalisedPhone>> {
  const found = await rows<{ id: number; phone: string | null }>(
    db,
    sql`select j.id, l.phone_e164 as phone
          from outbound_call_jobs j join leads l on l.id = j.lead_id
         where j.run_id = ${runId} and j.business_id = ${businessId}`,
  );
  const phones = new Map<number, NormalisedPhone>();
  for (const { id, phone } of found) {
    phones.set(id, normalisePhone(phone));
    if (phones.size % SLICE === 0) await yieldToOthers();
  }
  return phones;
}

/**
 * What is decided is decided about locked rows: an old worker that works on, unnoticed or by CUTOVER=force, cannot take a
 * job that is about to wait for us. The run is locked for update, so that no job can come to it either.
 */
async function lockJobs(
  tx: Tx,
  businessId: number,
  runId: number,
  phones: Map<number, NormalisedPhone>,
): Promise<OldJob[]> {
  const found = await rows<Omit<OldJob, "phone"> & { phone: string | null }>(
    tx,
    sql`select j.id, j.status, l.phone_e164 as phone, coalesce(j.call_sid, j.twilio_call_sid) as sid,
               num_nonnulls(j.dial_lock_token, j.dial_started_at, j.started_at, j.completed_at) > 0 as touched,
               coalesce(extract(epoch from clock_timestamp()::timestamp - coalesce(j.dial_started_at, j.started_at, j.created_at)) * 1000, 1e15)::float8 as "ageMs"
          from outbound_call_jobs j join leads l on l.id = j.lead_id
         where j.run_id = ${runId} and j.business_id = ${businessId}
         order by j.id
           for no key update of j`,
  );
  return found.map(({ phone, ...job }) => ({ ...job, phone: phones.get(job.id) ?? normalisePhone(phone) }));
}

/** The run itself. With nobody left to call it is over: completed, never failed for having nothing to do. */
async function takeRun(
  tx: Tx,
  businessId: number,
  runId: number,
  run: OldRun,
  planned: RunStatus,
  moves: readonly Move[],
): Promise<RunStatus> {
  const wasOpen = run.status === "pending" || run.status === "running";
  const left = moves.some((move) => move.to === "queued" || move.to === "live");
  const status = wasOpen && !left && planned !== "cancelled" ? "completed" : planned;
  await tx.execute(
    takeRuns(
      sql`r.id = ${runId} and r.business_id = ${businessId}`,
      status,
      wasOpen && status === "failed" ? HANDED_OVER : null,
    ),
  );
  return status;
}

/** Takes the runs that match: ours from here on, with true counters and both names of the end's time. */
export function takeRuns(matching: ReturnType<typeof sql>, status: RunStatus | null, lastError: string | null) {
  return sql`
    update outbound_call_runs r
       set engine = 'ringpost', status = t.status, last_error = coalesce(${lastError}, r.last_error),
           concurrency = least(greatest(coalesce(r.concurrency, 3), 1), 10),
           ended_at = case when t.status <> 'pending' then coalesce(r.ended_at, r.completed_at, t.at) end,
           completed_at = case when t.status <> 'pending' then coalesce(r.ended_at, r.completed_at, t.at) end,
           total_leads = t.total, queued_count = t.queued, in_progress_count = t.live, completed_count = t.completed,
           failed_count = t.failed, cancelled_count = t.cancelled, cursor_position = t.completed + t.failed + t.cancelled,
           worker_id = null, updated_at = t.at,
           -- A run that goes on has no holder yet. With the old worker's lock it would pass for abandoned once that is old,
           -- and nobody would dial it; on a run that has ended the lock stays, as audit.
           lock_ts = case when t.status <> 'pending' then r.lock_ts end,
           locked_by_worker = case when t.status <> 'pending' then r.locked_by_worker end
      from (select s.id, coalesce(${status}, s.status) as status, clock_timestamp()::timestamp as at, n.*
              from outbound_call_runs s
             cross join lateral (
               select count(*)::int as total, count(*) filter (where j.status = 'queued')::int as queued,
                      count(*) filter (where j.status in ('dialing', 'calling'))::int as live,
                      count(*) filter (where j.status = 'completed')::int as completed,
                      count(*) filter (where j.status = 'failed')::int as failed,
                      count(*) filter (where j.status = 'cancelled')::int as cancelled
                 from outbound_call_jobs j where j.run_id = s.id) n) t
     where t.id = r.id and r.engine <> 'ringpost' and ${matching}
    returning r.id, r.business_id, r.status`;
}

/** How many jobs went which way. */
export function tally(moves: readonly Move[]): Record<Move["to"], number> {
  const sums = { queued: 0, live: 0, failed: 0, cancelled: 0 };
  for (const move of moves) sums[move.to]++;
  return sums;
}
