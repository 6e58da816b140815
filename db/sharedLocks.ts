// Shared advisory locks that one connection holds for its session, as many or few as are wanted at the moment.
import type pg from "pg";
import { pgCode } from "./pgErrors.ts";

/** Waiting any longer would keep the connection from hearing anything else: what is notified arrives between statements. */
export const LOCK_WAIT_MS = 100;
const AGAIN_MS = 250;

export interface SharedLocks {
  /** Takes the lock if it is wanted, gives it back if it is not. To be called whenever that has changed. */
  settle(key: number): void;
  /** The connection is gone, and its locks with it. */
  end(): void;
}

/**
 * @param client has `lock_timeout` set to LOCK_WAIT_MS, and pipelines what others ask of it meanwhile
 * @param tried told each time a lock has been taken, and also when it could not be had for now
 */
export function sharedLocks(
  client: pg.Client,
  lockClass: number,
  isWanted: (key: number) => boolean,
  tried: (key: number) => void,
): SharedLocks {
  const held = new Set<number>();
  const unsettled = new Set<number>();
  let atWork = false;
  let ended = false;

  const take = async (key: number) => {
    try {
      await client.query("select pg_advisory_lock_shared($1, $2)", [lockClass, key]);
    } catch (error) {
      // Waited long enough, or no room for another lock. Without a code it is the connection.
      if (pgCode(error) === undefined) throw error;
      setTimeout(() => locks.settle(key), AGAIN_MS).unref();
      return tried(key);
    }
    held.add(key);
    tried(key);
  };
  const giveBack = async (key: number) => {
    await client.query("select pg_advisory_unlock_shared($1, $2)", [lockClass, key]);
    held.delete(key);
  };

  /** One after the other: Postgres counts how often a session has taken a lock. */
  const work = async () => {
    atWork = true;
    try {
      for (const key of unsettled) {
        if (ended) return;
        unsettled.delete(key);
        if (isWanted(key) !== held.has(key)) await (isWanted(key) ? take(key) : giveBack(key));
      }
    } finally {
      atWork = false;
    }
  };

  const locks: SharedLocks = {
    settle(key) {
      unsettled.add(key);
      // Only a connection that breaks fails here, and whoever owns it notices by himself.
      if (!atWork && !ended) void work().catch(() => {});
    },
    end: () => void (ended = true),
  };
  return locks;
}
