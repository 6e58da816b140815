// Once: a request that a caller may repeat, under one key, without it happening twice. The key's row commits with what
// the request created and holds the result, so a lost answer can be given again; while the request runs, a lock of its
// transaction says so, and goes with the process that held it. What failed leaves nothing: trying again is right then.
import { sql } from "drizzle-orm";
import { row, type Database, type Tx } from "./client.ts";
import { through, type Door } from "./door.ts";
import { tryLockKey } from "./locks.ts";

export interface Once {
  /** The caller's; means something within its business only. */
  key: string;
  /** What was asked: a hash of route and body. */
  fingerprint: string;
}

/** in_flight: the first request with this key is still at work. other_wish: the key was used for something else. */
export class OnceRefused extends Error {
  readonly reason: "in_flight" | "other_wish";
  constructor(reason: OnceRefused["reason"]) {
    super(`idempotency key: ${reason}`);
    this.name = "OnceRefused";
    this.reason = reason;
  }
}

const KEPT_HOURS = 24;

/**
 * `work` in a transaction through the door, once: a repetition gets the first result, `replayed`. Results are stored as
 * JSON; undefined is not kept. Without `once` it is `through`. Throws OnceRefused.
 */
export async function onceThrough<T>(
  door: Door,
  once: Once | undefined,
  work: (tx: Tx, businessId: number) => Promise<T>,
): Promise<{ result: T; replayed: boolean }> {
  return await through(door, async (tx, businessId) => {
    if (!once) return { result: await work(tx, businessId), replayed: false };
    if (!(await tryLockKey(tx, businessId, once.key))) throw new OnceRefused("in_flight");
    const kept = await readKept<T>(tx, businessId, once);
    if (kept) return { result: kept.result, replayed: true };
    const result = await work(tx, businessId);
    if (result !== undefined) await keep(tx, businessId, once, result);
    return { result, replayed: false };
  });
}

/** The first result, if there is one: spares a repetition the work before its transaction. Throws OnceRefused. */
export async function keptResult<T>(door: Door, once: Once): Promise<{ result: T } | undefined> {
  return await through(door, (tx, businessId) => readKept<T>(tx, businessId, once));
}

async function readKept<T>(tx: Tx, businessId: number, once: Once): Promise<{ result: T } | undefined> {
  const found = await row<{ fingerprint: string; result: T }>(
    tx,
    sql`select fingerprint, result from outbound_idempotency_keys
         where business_id = ${businessId} and key = ${once.key}
           and created_at > clock_timestamp() - make_interval(hours => ${KEPT_HOURS})`,
  );
  if (found && found.fingerprint !== once.fingerprint) throw new OnceRefused("other_wish");
  return found && { result: found.result };
}

async function keep(tx: Tx, businessId: number, once: Once, result: unknown): Promise<void> {
  // The key's own expired row is in the way, and whoever uses keys sweeps behind himself.
  await tx.execute(sql`
    delete from outbound_idempotency_keys
     where business_id = ${businessId} and created_at <= clock_timestamp() - make_interval(hours => ${KEPT_HOURS})`);
  await tx.execute(sql`
    insert into outbound_idempotency_keys (business_id, key, fingerprint, result)
    values (${businessId}, ${once.key}, ${once.fingerprint}, ${JSON.stringify(result)}::json)`);
}

/** Keys of businesses that use none any more. For the reaper. @returns how many are gone */
export async function forgetOldKeys(db: Database): Promise<number> {
  const gone = await db.execute(sql`
    delete from outbound_idempotency_keys where created_at <= clock_timestamp() - make_interval(hours => ${KEPT_HOURS})`);
  return gone.rowCount ?? 0;
}
