// What the hot statements cost when there is much of everything: index plans, and few rows, whatever the planner has been
// told about the tables (statistics that are fresh, that nobody ever took, or that are of another day).
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { openDatabase, type Database } from "../../db/client.ts";
import { endedJobs, liveJobs, manyBusinesses, queuedJobs } from "../support/depth.ts";
import { migratedDatabase } from "../support/migrated.ts";
import { watchedDatabase, type Plan } from "../support/plans.ts";
import type { Scope } from "../support/postgres.ts";
import { sized } from "../support/sizes.ts";
import { minutes, world } from "../support/world.ts";
import { BULK_VERBS, HOT_VERBS, TICKS } from "./hotVerbs.ts";

const BUSINESSES = 100;
const LIVE_EACH = 3;
const ENDED = 8_000;
const QUEUED = 5_000;

/** They grow with the years. */
const DEEP = new Set([
  "outbound_call_runs",
  "outbound_call_jobs",
  "outbound_call_attempts",
  "outbound_call_slots",
  "outbound_run_events",
  "call_log",
  "leads",
]);
/** For one call, one request: with room for what a business has live and open, not for what waits or has ended. */
const ROWS = 300;
/** What ends a whole run may look through everything that its business ever called. */
const ROWS_OF_A_BUSINESS = 2_000;
const PAGES_PER_ROW = 5;
/** For the whole system, once a tick: it looks at what is open and live, and at nothing that has ended. */
const TICK_ROWS = 10 * BUSINESSES * LIVE_EACH;

type Analyse = (db: Database) => Promise<unknown>;
const analyse: Analyse = (db) => db.execute(sql`analyze`);
const never: Analyse = () => Promise.resolve();

/** When the statistics were taken, and in which order the rows came. */
const STATISTICS: Record<string, (db: Database) => Promise<number[]>> = {
  "fresh statistics": (db) => fill(db, ["ended", "live", "queued"], analyse),
  "no statistics": (db) => fill(db, ["ended", "live", "queued"], never),
  "statistics of a day when all was queued": (db) => fill(db, ["queued", analyse, "live", "ended"], never),
  "statistics of empty tables": async (db) => {
    await analyse(db);
    return await fill(db, ["ended", "live", "queued"], never);
  },
  "statistics of a day when all had ended": (db) => fill(db, ["ended", analyse, "live", "queued"], never),
  "statistics of a day when all was live": (db) => fill(db, ["live", analyse, "ended", "queued"], never),
};

async function fill(db: Database, order: (keyof typeof PARTS | Analyse)[], last: Analyse): Promise<number[]> {
  const businesses = await manyBusinesses(db, BUSINESSES, 2 * LIVE_EACH);
  for (const part of order) await (typeof part === "string" ? PARTS[part](db, businesses) : part(db));
  await last(db);
  return businesses;
}

const PARTS = {
  ended: (db: Database, ids: number[]) => endedJobs(db, ids, { jobs: ENDED, perRun: 5 }),
  live: (db: Database, ids: number[]) => liveJobs(db, ids, LIVE_EACH),
  queued: (db: Database, ids: number[]) => queuedJobs(db, ids.slice(0, 10), QUEUED),
};

/** Nobody analyses them behind our back. */
async function unattendedDatabase(t: Scope): Promise<{ url: string }> {
  const made = await migratedDatabase(t);
  const db = openDatabase({ url: made.url, name: "ringpost test", max: 1 });
  for (const table of DEEP) await db.execute(sql`alter table ${sql.raw(table)} set (autovacuum_enabled = off)`);
  await db.$client.end();
  return made;
}

describe("the hot statements", () => {
  for (const [statistics, prepare] of Object.entries(STATISTICS).slice(0, sized(3, 6))) {
    it(`read few rows by index, with ${statistics}`, async (t) => {
      const w = await world(t, { database: unattendedDatabase, carrier: { scripts: [{ ringAfterMs: minutes(10) }] } });
      const [businessId] = await prepare(w.db);
      for (const generic of [false, true]) {
        const { db, taken } = await watchedDatabase(t, w.url, generic);
        for (const [verb, run] of Object.entries({ ...HOT_VERBS, ...BULK_VERBS, ...TICKS })) {
          taken();
          await run({ w, db, businessId: businessId! });
          const plans = taken();
          assert.ok(plans.length > 0, `${verb} asks something`);
          for (const plan of plans) assertBounded(plan, verb, most(verb));
        }
      }
    });
  }
});

const most = (verb: string): number => (verb in TICKS ? TICK_ROWS : verb in BULK_VERBS ? ROWS_OF_A_BUSINESS : ROWS);

function assertBounded(plan: Plan, verb: string, rows: number): void {
  const shown = `${verb}: ${plan.rows} rows, ${plan.pages} pages\n${plan.statement}\n${plan.shown}`;
  const whole = plan.wholeTables.filter((table) => DEEP.has(table));
  assert.deepEqual(whole, [], `reads a whole table: ${shown}`);
  assert.ok(plan.rows <= rows && plan.pages <= rows * PAGES_PER_ROW, `looks at too much: ${shown}`);
}
