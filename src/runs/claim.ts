// The claim: queued jobs become dialing, each with a fresh token, a numbered slot and an attempt row, in one statement.
import { sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { statement } from "../../db/statement.ts";
import { utcNow, waitingRun } from "./rows.ts";
import type { WorkerIdentity } from "./engine.ts";

export interface Claim {
  jobId: number;
  runId: number;
  businessId: number;
  /** The attempt's name: in the URLs given to the carrier and in the WHERE of everything that settles it. */
  token: string;
  from: string;
  to: string;
  /** Where the carrier asks what to say; null: the process's default. */
  voiceUrl: string | null;
}

export interface ClaimOrder {
  businessId: number;
  /** How many jobs of which run. */
  shares: Map<number, number>;
  /** As many free slot numbers as there are shares in all. */
  slotNumbers: number[];
  /** As many fresh tokens. */
  tokens: string[];
  from: string;
  voiceUrl: string | null;
  /** Longest a call can take: ring and talk. */
  slotSeconds: number;
}

interface Claiming {
  businessId: number;
  runIds: number[];
  counts: number[];
  tokens: string[];
  slotNumbers: number[];
  slotSeconds: number;
  from: string;
  workerId: string;
  workerName: string;
  actor: string;
}

const claimQueued = statement<Claiming, { jobId: number; runId: number; token: string; to: string }>(
  "claim_jobs",
  (v) => sql`
    with wanted as (
      select * from unnest(${v.runIds}::int[], ${v.counts}::int[]) as w (run_id, n)
    ), picked as (
      select next.id, wanted.run_id as of_run
        from wanted
       cross join lateral (
         select j.id
           from outbound_call_jobs j
          -- A range of one: for "= run_id" the order by id would be enough, and the primary key has that too.
          where ${waitingRun} between wanted.run_id and wanted.run_id
          order by ${waitingRun}, j.id
          limit wanted.n
            for update skip locked) next
    ), numbered as (
      select id, of_run, row_number() over (order by id) as n from picked
    ), claimed as (
      update outbound_call_jobs j
         set status = 'dialing', dial_lock_token = (${v.tokens}::text[])[numbered.n], dial_started_at = ${utcNow},
             started_at = coalesce(started_at, ${utcNow}), call_status = null, attempts = attempts + 1
        from numbered
       where j.id = numbered.id and ${waitingRun} = numbered.of_run
         -- In an expression: nobody shall look for the job among all those of the business.
         and j.business_id + 0 = ${v.businessId}
         -- Again, as an array: of a LIMIT that it does not know, the planner expects a tenth of all the queued jobs, and
         -- would read the whole table for one claim, under the business's lock.
         and j.id = any (array(select id from picked))
      returning j.id, j.run_id, j.to_number, j.dial_lock_token as token, (${v.slotNumbers}::int[])[numbered.n] as slot_no
    ), slotted as (
      insert into outbound_call_slots (business_id, slot_no, job_id, run_id, token, expires_at)
      select ${v.businessId}::int, slot_no, id, run_id, token, clock_timestamp() + make_interval(secs => ${v.slotSeconds})
        from claimed
    ), attempted as (
      insert into outbound_call_attempts (token, job_id, run_id, business_id, worker_id, from_number, to_number)
      select token, id, run_id, ${v.businessId}::int, ${v.workerId}::uuid, ${v.from}, to_number from claimed
    ), noted as (
      insert into outbound_run_events (run_id, business_id, job_id, kind, actor)
      select run_id, ${v.businessId}::int, id, 'job.dialing', ${v.actor} from claimed
    ), counted as (
      update outbound_call_runs r
         set queued_count = queued_count - c.n, in_progress_count = in_progress_count + c.n, status = 'running',
             started_at = coalesce(started_at, ${utcNow}), locked_by_worker = ${v.workerName}, worker_id = ${v.workerId}::uuid,
             lock_ts = ${utcNow}, last_served_at = clock_timestamp(), updated_at = ${utcNow}
        from (select run_id, count(*)::int as n from claimed group by run_id) c
       where r.id = c.run_id
    )
    select id as "jobId", run_id as "runId", token, to_number as "to" from claimed order by id`,
);

/**
 * Claims jobs in the order of their ids. The caller holds the business's lock and the locks of the runs, has read
 * their status and the taken slots under them, and commits.
 * @returns one claim per job; fewer than ordered when other transactions hold the rows
 */
export async function claimJobs(tx: Tx, order: ClaimOrder, worker: WorkerIdentity): Promise<Claim[]> {
  const { businessId, shares, tokens, slotNumbers, slotSeconds, from, voiceUrl } = order;
  const claimed = await claimQueued(tx, {
    businessId,
    runIds: [...shares.keys()],
    counts: [...shares.values()],
    tokens,
    slotNumbers,
    slotSeconds,
    from,
    workerId: worker.id,
    workerName: worker.name,
    actor: `worker:${worker.name}`,
  });
  return claimed.map((c) => ({ ...c, businessId, from, voiceUrl }));
}
