// What a dispatch reads of its business, under the business's lock: each in a statement of its own, because a statement's
// snapshot is older than a lock that it waits for.
import { sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { statement } from "../../db/statement.ts";
import type { Limits } from "./engine.ts";
import type { WaitingRun } from "./fairness.ts";
import { lockFreshFor } from "./leases.ts";

export interface BusinessNow {
  /** Whether it may call at all. */
  enabled: boolean;
  /** Calls at once. */
  limit: number;
  /** The numbers of its slots that are held. */
  taken: number[];
  callerId: string | null;
  phone: string | null;
  voiceUrl: string | null;
  /** Runs that were asked to cancel and have jobs that may end. */
  cancelled: number[];
}

/** Runs read per dispatch, fairest first: more than there can be slots, and a bound for a tenant with thousands. */
const RUNS_READ = 64;

const business = statement<{ businessId: number; defaultLimit: number }, BusinessNow>(
  "business_now",
  (v) => sql`
    select coalesce(b.is_active, true) and coalesce(b.calls_enabled, true) as enabled,
           coalesce(s.max_calls, ${v.defaultLimit}::int) as "limit", s.caller_id as "callerId", b.phone_number as phone,
           s.voice_url as "voiceUrl",
           array(select slot_no from outbound_call_slots where business_id = b.id order by slot_no) as taken,
           array(select r.id
                   from outbound_call_runs r
                  where r.business_id = b.id and r.status in ('pending', 'running') and r.cancel_requested
                    and r.engine = 'ringpost' and r.queued_count + r.in_progress_count > 0
                  order by r.id) as cancelled
      from business b
      left join outbound_business_settings s on s.business_id = b.id
     where b.id = ${v.businessId}`,
);

export async function readBusiness(tx: Tx, businessId: number, defaultLimit: number): Promise<BusinessNow | undefined> {
  const [found] = await business(tx, { businessId, defaultLimit });
  return found;
}

const waitingRuns = statement<{ businessId: number; ttlSeconds: number }, WaitingRun>(
  "waiting_runs",
  (v) => sql`
    select id, queued_count as queued, in_progress_count as "inProgress", concurrency,
           (extract(epoch from last_served_at) * 1000)::float8 as "lastServed"
      from outbound_call_runs
     where business_id = ${v.businessId} and status in ('pending', 'running') and not cancel_requested
       and engine = 'ringpost' and queued_count > 0 and in_progress_count < concurrency and ${lockFreshFor(v.ttlSeconds)}
     order by in_progress_count, last_served_at nulls first, id
     limit ${RUNS_READ}
       for no key update`,
);

/** Locks the runs that have leads waiting: their status and flag cannot change before the claim commits. */
export async function lockWaitingRuns(tx: Tx, businessId: number, limits: Limits): Promise<WaitingRun[]> {
  return await waitingRuns(tx, { businessId, ttlSeconds: limits.runTtlMs / 1000 });
}
