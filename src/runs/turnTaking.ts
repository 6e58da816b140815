// Whose turn it is among businesses that wait for the same account: the longest unserved.
import { sql } from "drizzle-orm";
import { array, rows, type Database } from "../../db/client.ts";

/** Of so many businesses this process remembers its own turns. */
const REMEMBERED = 10_000;

/**
 * When a business was last served stands in its open runs and in the slots of its live calls, whoever served it. A business
 * with a run for each lead would leave no trace there once the run has ended, and always come first: so each process
 * remembers the turns that it gave itself, too. Two clocks are compared, then; that they differ costs a little fairness.
 */
export class TurnTaking {
  readonly #db: Database;
  readonly #own = new Map<number, number>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** The business got a call here, or could not have one for reasons of its own. */
  took(businessId: number): void {
    // Put last: the map is in the order of the turns.
    this.#own.delete(businessId);
    this.#own.set(businessId, Date.now());
    const oldest = this.#own.keys().next();
    if (this.#own.size > REMEMBERED && !oldest.done) this.#own.delete(oldest.value);
  }

  /** The first `atMost` of those that have leads waiting: never served, then longest unserved, then the oldest business. */
  async first(businessIds: readonly number[], atMost: number): Promise<number[]> {
    const found = await rows<{ id: number; servedMs: number | null }>(
      this.#db,
      sql`select waiting.id, (extract(epoch from greatest(waiting.served, live.since)) * 1000)::float8 as "servedMs"
            from (select business_id as id, max(last_served_at) as served
                    from outbound_call_runs
                   where business_id = any (${array(businessIds, "int")}) and status in ('pending', 'running') and engine = 'ringpost'
                   group by business_id
                  having bool_or(queued_count > 0 or cancel_requested)) waiting
           cross join lateral (select max(acquired_at) as since from outbound_call_slots where business_id = waiting.id) live`,
    );
    const served = ({ id, servedMs }: (typeof found)[number]) => Math.max(servedMs ?? 0, this.#own.get(id) ?? 0);
    return found
      .sort((a, b) => served(a) - served(b) || a.id - b.id)
      .slice(0, atMost)
      .map(({ id }) => id);
  }
}
