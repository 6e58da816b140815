// Whose turn it is among businesses that wait for the same account, whatever worker they wait in.
import { sql } from "drizzle-orm";
import { array, rows, type Database } from "../../db/client.ts";

/** Whom others serve meanwhile is seen that late. */
const AT_ONCE = 4;

/** The first few of those that have leads waiting: never served, then longest unserved, then the oldest business. */
export async function longestUnserved(db: Database, businessIds: readonly number[]): Promise<number[]> {
  const found = await rows<{ id: number }>(
    db,
    sql`select business_id as id
          from outbound_call_runs
         where business_id = any (${array(businessIds, "int")}) and status in ('pending', 'running') and engine = 'ringpost'
           and (queued_count > 0 or cancel_requested)
         group by business_id
         order by max(last_served_at) nulls first, business_id
         limit ${AT_ONCE}`,
  );
  return found.map(({ id }) => id);
}
