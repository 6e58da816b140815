// What the carrier has answered must reach the database, however long that is away: the statement is guarded, so it can
// be repeated until it is stored.
import { setTimeout as sleep } from "node:timers/promises";
import { isTransient } from "../../db/pgErrors.ts";
import type { Engine } from "./engine.ts";

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2_000;

/**
 * Repeats `store` while the database is away. Its effect must be the same once and many times. Throws when Postgres refuses
 * it, and when the worker has ended meanwhile: then reconcile finds out what the carrier has answered.
 */
export async function untilStored<T>(engine: Engine, store: () => Promise<T>): Promise<T> {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    try {
      return await store();
    } catch (error) {
      // A statement that Postgres understood and refuses would be refused for ever: that is a bug, for the log.
      if (!isTransient(error) || engine.db.$client.ending) throw error;
      engine.log.warn({ err: error }, "the database did not take an answer of the carrier, trying again");
      await sleep(wait);
    }
  }
}
