// How a step gets its locks while the CRM works: it asks, gives up soon, lets the others through, and asks again.
// A statement that waits for a lock makes everybody behind it wait too: with this limit nobody waits longer than it.
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { pgCode } from "../pgErrors.ts";
import type { Report } from "./progress.ts";

/** What the CRM's requests may have to wait for one of our attempts; a step may need locks on two tables. */
const LOCK_TIMEOUT_MS = 250;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 3_000;
/** Somebody holds the table in a transaction that does not end: that is for a person to see to. */
const GIVE_UP_MS = 30 * 60_000;

/** lock_not_available, deadlock_detected, serialization_failure: nothing happened, and trying again is right. */
const BUSY = new Set(["55P03", "40P01", "40001"]);

export async function patiently<T>(
  client: Pick<pg.Client, "query">,
  step: { harmless: boolean },
  report: Report,
  work: () => Promise<T>,
): Promise<T> {
  await client.query("select set_config('lock_timeout', $1, false)", [String(step.harmless ? 0 : LOCK_TIMEOUT_MS)]);
  const since = performance.now();
  for (let pause = FIRST_PAUSE_MS, tried = 1; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS), tried++) {
    try {
      return await work();
    } catch (error) {
      if (!BUSY.has(pgCode(error) ?? "") || performance.now() - since > GIVE_UP_MS) throw error;
      if (tried % 10 === 0) report(`  waiting for a table that is in use (tried ${tried} times)`);
      // oxlint-disable-next-line no-restricted-properties -- so that two that wait do not ask in step: nothing to guess
      await sleep(pause * (0.5 + Math.random()));
    }
  }
}
