// Transactions: all or nothing, at READ COMMITTED, and again where Postgres chose one as a deadlock's victim.
import { drizzle } from "drizzle-orm/node-postgres";
import type pg from "pg";
import type { Database, Tx } from "./client.ts";
import { pgCode } from "./pgErrors.ts";

/** A prepared statement whose columns have another type since a migration. */
const STALE_PLAN = "0A000";
/** Those, deadlock and serialisation failure: nothing of the transaction happened, and trying again is right. */
const RETRYABLE = new Set(["40P01", "40001", STALE_PLAN]);
const MAX_TRIES = 5;

/** READ COMMITTED, all or nothing; runs `work` again when Postgres chose it as a deadlock's victim. */
export async function inTransaction<T>(db: Database, work: (tx: Tx) => Promise<T>): Promise<T> {
  return await inTransactionOpenedBy(db, "", work);
}

/**
 * A transaction that opens with a statement of the caller's, sent together with BEGIN: one round trip instead of two.
 * `opening` takes no parameters.
 *
 * Not Drizzle's `transaction`: where BEGIN itself fails, that never gives the connection back, and after as many outages
 * as the pool has connections nothing goes any more.
 */
export async function inTransactionOpenedBy<T>(
  db: Database,
  opening: string,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  return await inOneOf(db, async (client) => {
    await client.query(`begin; ${opening}`);
    const result = await work(transactionOn(client));
    await client.query("commit");
    return result;
  });
}

/** A statement that has been sent and not waited for; in an object, because whoever awaits a promise of it would wait. */
export interface Sent<T> {
  sent: Promise<T>;
}

/**
 * A transaction in two round trips. BEGIN, `opening` and the reads of `ask` travel together, each still a statement of its
 * own: what one of them waited for, the next one sees. With their answers `act` goes on, in as many trips as it wants, and
 * COMMIT travels with the statement that it has sent last: if Postgres refuses it, COMMIT only ends what is undone already.
 *
 * `ask` may run outside the transaction when BEGIN fails: it must change nothing, and its answers are then not used.
 */
export async function inTwoTrips<A, T>(
  db: Database,
  opening: string,
  ask: (tx: Tx) => Promise<A>,
  act: (tx: Tx, answers: A) => Promise<Sent<T>>,
): Promise<T> {
  return await inOneOf(db, async (client) => {
    const tx = transactionOn(client);
    const [, answers] = await Promise.all([client.query(`begin; ${opening}`), ask(tx)]);
    const { sent } = await act(tx, answers);
    const [result] = await Promise.all([sent, client.query("commit")]);
    return result;
  });
}

const transactionOn = (client: pg.PoolClient): Tx => drizzle(client) as unknown as Tx;

/** A connection for one transaction, which is undone when `once` fails, and tried again where that is right. */
async function inOneOf<T>(db: Database, once: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  return await retrying(async () => {
    const client = await db.$client.connect();
    let broken = false;
    try {
      return await once(client);
    } catch (error) {
      // A statement that it has prepared is of before a migration, and would fail on it for ever.
      broken = pgCode(error) === STALE_PLAN;
      await client.query("rollback").catch(() => (broken = true));
      throw error;
    } finally {
      client.release(broken);
    }
  });
}

/** Runs `once` again when Postgres chose its transaction as a deadlock's victim. For a statement that is one by itself. */
export async function retrying<T>(once: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await once();
    } catch (error) {
      if (tried >= MAX_TRIES || !RETRYABLE.has(pgCode(error) ?? "")) throw error;
    }
  }
}
