// How many requests a business made in the last minute, counted over all API processes in one row. A process takes
// requests in advance, some at a time, so that the row is written once for many of them.
import { sql } from "drizzle-orm";
import { row, type Database } from "./client.ts";

export const WINDOW_SECONDS = 60;
/** The minute slides in steps of this size, of the database's clock, which all processes share. */
const STEP_SECONDS = 5;
/** As many steps as any minute can touch: the one at hand is not over. */
const STEPS = WINDOW_SECONDS / STEP_SECONDS + 1;

export interface Lease {
  /** How many of the wanted requests may be made. */
  granted: number;
  /** What nobody has taken yet. */
  left: number;
  /** Until so many as were wanted are free again, if none is taken meanwhile. */
  freeInMs: number;
}

interface Count {
  stepNo: number;
  granted: number;
  /** Per step, the newest first. */
  lately: number[];
  now: number;
}

/** `wanted` at most `perWindow`. */
export async function leaseRequests(
  db: Database,
  businessId: number,
  wanted: number,
  perWindow: number,
): Promise<Lease> {
  // Whoever waited for the row may come with a step that is over by now; a clock that was set back begins anew.
  const counted = await row<Count>(
    db,
    sql`insert into outbound_request_counts as c (business_id, window_no, taken, lately)
        select ${businessId}::int, floor(extract(epoch from clock_timestamp()) / ${STEP_SECONDS}::int), ${wanted}::int,
               array[${wanted}::int] || array_fill(0, array[${STEPS - 1}::int])
        on conflict (business_id) do update set (window_no, taken, lately) = (
          select case when behind then c.window_no else excluded.window_no end, g.granted,
                 array[aged[1] + g.granted] || aged[2:${STEPS}::int]
            from (select excluded.window_no - c.window_no between -${STEPS}::int and -1 as behind) b,
         lateral (select case when behind then 0
                              when excluded.window_no - c.window_no between 0 and ${STEPS}::int
                              then (excluded.window_no - c.window_no)::int else ${STEPS}::int end as steps) s,
         lateral (select (array_fill(0, array[steps]) || c.lately)[1:${STEPS}::int] as aged) a,
         lateral (select greatest(0, least(${wanted}::int, ${perWindow}::int - (select sum(n) from unnest(aged) n)))::int
                           as granted) g)
        returning window_no::float8 as "stepNo", taken as granted, lately, extract(epoch from clock_timestamp())::float8 as now`,
  );
  if (!counted) throw new Error("an upsert returned no row");
  const taken = counted.lately.reduce((sum, n) => sum + n, 0);
  return {
    granted: counted.granted,
    left: Math.max(0, perWindow - taken),
    freeInMs: Math.max(1, (freeAt(counted, perWindow - wanted) - counted.now) * 1_000),
  };
}

/** When the oldest steps have gone out of the minute, until no more than `few` are left in it. In seconds since 1970. */
function freeAt({ lately, stepNo }: Count, few: number): number {
  let left = lately.reduce((sum, n) => sum + n, 0);
  let step = lately.length;
  while (step > 0 && left > few) left -= lately[--step] ?? 0;
  return (stepNo - step + STEPS) * STEP_SECONDS;
}
