// Figures about the whole deployment, for its operator: counts, ages and ids, never a name or a number.
import { sql } from "drizzle-orm";
import { row, rows, type Database } from "./client.ts";

export interface BusinessGauges {
  /** The business's id, or `other` for all beyond the first few. */
  business: string;
  queued: number;
  /** Age of the oldest run that has leads waiting, in seconds. */
  oldest: number | null;
  used: number;
  limit: number;
}

/** The `top` businesses with the longest queues, and the rest as one. Reads only open runs and live slots. */
export async function businessGauges(db: Database, top: number, defaultLimit: number): Promise<BusinessGauges[]> {
  return await rows<BusinessGauges>(
    db,
    sql`
    with waiting as (
      select business_id, sum(queued_count) as queued, min(created_at) filter (where queued_count > 0) as oldest
        from outbound_call_runs
       where status in ('pending', 'running') and engine = 'ringpost'
       group by business_id
    ), taken as (
      select business_id, count(*) as used from outbound_call_slots group by business_id
    ), ranked as (
      select business_id, coalesce(queued, 0) as queued, oldest, coalesce(used, 0) as used,
             coalesce(s.max_calls, ${defaultLimit}::int) as max_calls,
             row_number() over (order by coalesce(queued, 0) desc, coalesce(used, 0) desc, business_id) as place
        from waiting full join taken using (business_id)
        left join outbound_business_settings s using (business_id)
    )
    select case when place <= ${top} then business_id::text else 'other' end as business, sum(queued)::int as queued,
           extract(epoch from clock_timestamp()::timestamp - min(oldest))::float8 as oldest,
           sum(used)::int as used, sum(max_calls)::int as "limit"
      from ranked
     group by 1`,
  );
}

export async function openRuns(db: Database): Promise<{ status: string; runs: number }[]> {
  return await rows(
    db,
    sql`select status, count(*)::int as runs from outbound_call_runs where status in ('pending', 'running') group by status`,
  );
}

/** Longer than any sensible lease: who was silent for a minute is not at work. */
const ALIVE_SECONDS = 60;

/** Workers that have not signed off and renewed their row within the last minute. */
export async function liveWorkers(db: Database): Promise<number> {
  const found = await row<{ n: number }>(
    db,
    sql`select count(*)::int as n from outbound_workers
         where stopped_at is null and heartbeat_at > clock_timestamp() - make_interval(secs => ${ALIVE_SECONDS})`,
  );
  return found?.n ?? 0;
}

export interface TailEvent {
  id: number;
  businessId: number;
  kind: string;
  outcome: string | null;
  /** Milliseconds since 1970. */
  at: number;
}

export async function newestEvent(db: Database): Promise<number> {
  const found = await row<{ id: number }>(db, sql`select coalesce(max(id), 0)::float8 as id from outbound_run_events`);
  return found?.id ?? 0;
}

/**
 * Events after `after`, oldest first. Ids are given before the commit: one that is younger than `settledSeconds` may
 * still be followed by a smaller one, and is left for the next time.
 */
export async function eventsAfter(
  db: Database,
  after: number,
  most: number,
  settledSeconds: number,
): Promise<TailEvent[]> {
  return await rows<TailEvent>(
    db,
    sql`select id::float8 as id, business_id as "businessId", kind, detail ->> 'outcome' as outcome,
               (extract(epoch from at) * 1000)::float8 as at
          from outbound_run_events
         where id > ${after} and at < clock_timestamp() - make_interval(secs => ${settledSeconds})
         order by id
         limit ${most}`,
  );
}
