// The numbers and calls that a business has in use already, outside the run that is handed over.
import { sql } from "drizzle-orm";
import { array, rows, type Queryable, type Tx } from "../../db/client.ts";
import type { OldJob, Taken } from "./decide.ts";

/**
 * Whom the business has on the phone, and what waits in runs that a cut-over handed over before it was killed. Those that a person must resume hold no
 * active number, and yet their numbers are spoken for, as they would be had it gone on. (Of a run that had failed already
 * nothing is: its resume looks again.)
 */
export async function takenBefore(on: Queryable, businessId: number): Promise<Taken> {
  const waiting = await rows<{ number: string }>(
    on,
    sql`select j.to_number as number
          from outbound_call_runs r
          join outbound_call_jobs j on j.run_id = r.id and j.status in ('queued', 'dialing', 'calling')
         where r.business_id = ${businessId} and r.engine = 'ringpost' and r.queued_count + r.in_progress_count > 0
           and j.to_number is not null
           and (j.status <> 'queued'
                or exists (select from outbound_run_events e
                            where e.run_id = r.id and e.kind = 'run.handed_over' and e.detail ->> 'from' in ('pending', 'running')))`,
  );
  return { numbers: new Set(waiting.map(({ number }) => number)), sids: new Set() };
}

/** Of the jobs' numbers and SIDs, those in use in other runs. */
export async function whatIsInUse(tx: Tx, businessId: number, jobs: OldJob[], taken: Taken): Promise<Taken> {
  const numbers = jobs.flatMap((job) => (job.phone.ok ? [job.phone.e164] : []));
  const sids = jobs.flatMap((job) => job.sid ?? []);
  const active = await rows<{ number: string }>(
    tx,
    sql`select active_number as number from outbound_call_jobs where business_id = ${businessId} and active_number = any (${array(numbers, "text")})`,
  );
  const known = await rows<{ sid: string }>(
    tx,
    sql`select call_sid as sid from outbound_call_attempts where call_sid = any (${array(sids, "text")})`,
  );
  return {
    numbers: new Set([...numbers.filter((number) => taken.numbers.has(number)), ...active.map(({ number }) => number)]),
    sids: new Set([...sids.filter((sid) => taken.sids.has(sid)), ...known.map(({ sid }) => sid)]),
  };
}
