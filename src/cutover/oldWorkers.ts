// Whether an old worker is still at work. Every run that is not ours is looked at, whatever its state says: the words are
// not translated yet, new runs of the old system are pending by default, and a worker that wakes up goes on with a run
// that was ended as failed meanwhile.
import { sql } from "drizzle-orm";
import { row, type Database } from "../../db/client.ts";
import { CodedError } from "../errors.ts";

/** The old worker's heartbeat and its calls are seconds apart. */
const ALIVE_MINUTES = 2;
/** As long as calls last: a worker without a heartbeat that waits for one to end writes nothing until then. */
const CALL_MINUTES = 10;

interface Sign {
  id: number;
  worker: string | null;
  minutes: number;
  /** Its time lies in the future. */
  ahead: boolean;
}

/** @throws CodedError cutover.old_workers_alive */
export async function requireOldWorkersStopped(db: Database): Promise<void> {
  const sign = await signOfLife(db);
  if (!sign) return;
  if (sign.ahead)
    throw new CodedError(
      "cutover.old_workers_alive",
      `the times of run ${sign.id} lie in the future, so nobody can tell whether an old worker serves it: make sure that they are stopped, then CUTOVER=force`,
    );
  const who = sign.worker === null ? "" : ` by ${sign.worker}`;
  const open = sign.minutes === CALL_MINUTES ? ", and a call of it has not ended" : "";
  throw new CodedError(
    "cutover.old_workers_alive",
    `run ${sign.id} was served${who} within the last ${sign.minutes} minutes${open}: stop the old workers, wait, and try again (CUTOVER=force if you know better)`,
  );
}

/**
 * No index knows the jobs' times, so all jobs are read once: that is the smallest part of a cut-over, which then reads them
 * several times to clean them. An open run that was only made, and not touched since, is its maker's doing.
 */
async function signOfLife(db: Database): Promise<Sign | undefined> {
  const since = (minutes: number) => sql`clock_timestamp()::timestamp - make_interval(mins => ${minutes})`;
  const open = sql`coalesce(r.ended_at, r.completed_at) is null`;
  return await row<Sign>(
    db,
    sql`
    select id, worker, minutes, at > clock_timestamp()::timestamp + make_interval(mins => ${ALIVE_MINUTES}) as ahead
      from (select r.id, r.locked_by_worker as worker, ${ALIVE_MINUTES}::int as minutes, t.at
              from outbound_call_runs r
             cross join lateral (
               select greatest(r.lock_ts, case when ${open} and (lower(trim(r.status)) is distinct from 'pending'
                                                                 or r.updated_at > r.created_at + interval '1 second')
                                               then r.updated_at end) as at) t
             where r.engine <> 'ringpost' and t.at > ${since(ALIVE_MINUTES)}
            union all
            select r.id, r.locked_by_worker, case when t.at > ${since(ALIVE_MINUTES)} then ${ALIVE_MINUTES}::int else ${CALL_MINUTES}::int end, t.at
              from outbound_call_jobs j
             cross join lateral (select greatest(j.dial_started_at, j.started_at, j.completed_at) as at) t
              join outbound_call_runs r on r.id = j.run_id
             where r.engine <> 'ringpost' and t.at > ${since(CALL_MINUTES)}
               and (t.at > ${since(ALIVE_MINUTES)}
                    or r.lock_ts is null and ${open} and j.completed_at is null
                       and ringpost.job_status_of(coalesce(lower(trim(j.status)), ''), true, false) in ('dialing', 'calling'))
           ) signs
     limit 1`,
  );
}
