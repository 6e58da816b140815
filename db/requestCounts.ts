// How many requests a business makes in a minute, counted over all API processes in one row. A process takes requests in
// advance, some at a time, so that the row is written once for many of them.
import { sql } from "drizzle-orm";
import { row, type Database } from "./client.ts";

/** Windows begin at full minutes of the database's clock, which all processes share. */
export const WINDOW_SECONDS = 60;

export interface Lease {
  /** How many of the wanted requests may be made in this window. */
  granted: number;
  /** What nobody has taken yet. */
  left: number;
  /** Until the next window. */
  endsInMs: number;
}

export async function leaseRequests(
  db: Database,
  businessId: number,
  wanted: number,
  perWindow: number,
): Promise<Lease> {
  const counted = await row<{ taken: number; endsInMs: number }>(
    db,
    sql`insert into outbound_request_counts as c (business_id, window_no, taken)
        select ${businessId}::int, floor(t.at / ${WINDOW_SECONDS}::int), ${wanted}::int
          from (select extract(epoch from clock_timestamp()) as at) t
        on conflict (business_id) do update
           set window_no = excluded.window_no,
               taken = excluded.taken + case when c.window_no = excluded.window_no then c.taken else 0 end
        returning taken,
                  ((window_no + 1) * ${WINDOW_SECONDS}::int - extract(epoch from clock_timestamp()))::float8 * 1000 as "endsInMs"`,
  );
  if (!counted) throw new Error("an upsert returned no row");
  const before = counted.taken - wanted;
  const granted = Math.max(0, Math.min(wanted, perWindow - before));
  return { granted, left: Math.max(0, perWindow - counted.taken), endsInMs: Math.max(1, counted.endsInMs) };
}
