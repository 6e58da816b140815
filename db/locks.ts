// Advisory locks, each purpose with a class of its own (the two-int form), so that they never meet by accident.
import { sql } from "drizzle-orm";
import { row, type Tx } from "./client.ts";

// Arbitrary, but ours: "rp" in the upper half.
export const DISPATCH_CLASS = 0x7270_0001;
const ENQUEUE_CLASS = 0x7270_0002;
const ONCE_CLASS = 0x7270_0004;
const CALLER_ID_CLASS = 0x7270_0005;
/** Shared session locks of those who watch runs, and what the trigger of migration 0045 tries to get. */
export const WATCH_CLASS = 0x7270_0006;
const WATCH_LOCKS = 1024;
/** Session lock of the migrator. */
export const MIGRATE_LOCK = [0x7270_0003, 1] as const;

/**
 * Serialises everything that counts a business's slots or ends its runs in bulk (dispatch, stop, cancel, resume,
 * reap, adopt), until the transaction ends. Take it first, and read in the NEXT statement: a statement's snapshot is
 * older than the lock it waits for, and "lock and count in one" was seen to admit 29 calls where 10 were allowed.
 */
export async function lockBusiness(tx: Tx, businessId: number): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(${DISPATCH_CLASS}, ${businessId})`);
}

/** The statement of `lockBusiness`, without parameters, so that it can travel together with BEGIN. */
export function lockingBusiness(businessId: number): string {
  if (!Number.isSafeInteger(businessId)) throw new Error("a business id is a whole number");
  return `select pg_advisory_xact_lock(${DISPATCH_CLASS}, ${businessId})`;
}

/** Serialises enqueues of one business: two that overlap would deadlock on the unique active number otherwise. */
export async function lockEnqueue(tx: Tx, businessId: number): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(${ENQUEUE_CLASS}, ${businessId})`);
}

/** Serialises businesses that choose the same caller id: the second must see that the first has it. */
export async function lockCallerId(tx: Tx, e164: string): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(${CALLER_ID_CLASS}, hashtext(${e164}))`);
}

/**
 * Marks an idempotency key as in use until the transaction ends; false: another transaction has it. Keys are hashed: two
 * that collide, of requests at the same moment, cost one of them a "still in flight".
 */
export async function tryLockKey(tx: Tx, businessId: number, key: string): Promise<boolean> {
  const tried = await row<{ locked: boolean }>(
    tx,
    sql`select pg_try_advisory_xact_lock(${ONCE_CLASS}, hashtext(${`${businessId}:${key}`})) as locked`,
  );
  return tried?.locked ?? false;
}

/** The second key of a run's watch lock. Some runs share one: a few too many notices, and never more locks than these. */
export function watchKey(runId: number): number {
  return runId % WATCH_LOCKS;
}
