// Two rows' measurements, as small as they can be, with real processes: so that the benchmark does not rot unseen.
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { sql } from "drizzle-orm";
import { openDatabase, row } from "../../db/client.ts";
import { migratedDatabase } from "../support/migrated.ts";
import { lastFirst } from "../support/scope.ts";
import { measureBareSql } from "./parts/bare.ts";
import { refillGaps, slotUse } from "./parts/gaps.ts";
import { runOldLoops } from "./parts/oldLoop.ts";
import { callsOf } from "./parts/steadyCalls.ts";
import { measureThroughput } from "./parts/throughput.ts";
import type { Bench } from "./row.ts";

async function aBench(t: TestContext): Promise<Bench & { databaseUrl: string }> {
  const scope = lastFirst(t);
  const { url } = await migratedDatabase(scope);
  return { full: false, seed: 1, databaseUrl: url, scope, say: (line) => t.diagnostic(line) };
}

it("calls every lead through the real processes, and holds the invariants", async (t) => {
  const load = { businesses: 2, leadsEach: 6, workers: 1, longestMs: 60_000 };
  const { figures } = await measureThroughput(await aBench(t), load);
  assert.deepEqual([figures["leads"], figures["calls"], figures["callbacks_failed"]], [12, 12, 0]);
  assert.ok(figures["calls_per_s"]! > 0 && figures["worker_highest_mb"]! > 0);
});

it("leaves the same rows behind with bare SQL as the queue does, audit and call log included", async (t) => {
  const bench = await aBench(t);
  const { calls } = await measureBareSql(bench, { businesses: 2, leadsEach: 6, forMs: 30_000 });
  assert.equal(calls, 12);
  const db = openDatabase({ url: bench.databaseUrl, name: "test", max: 1 });
  bench.scope.after(() => db.$client.end());
  const left = await row(
    db,
    sql`select (select count(*)::int from outbound_call_runs where status = 'completed' and cursor_position = 6) as runs,
               (select count(*)::int from outbound_call_jobs where status = 'completed' and call_log_id is not null) as jobs,
               (select count(*)::int from outbound_run_events where job_id is not null) as events,
               (select count(*)::int from outbound_call_slots) as slots,
               (select count(*)::int from outbound_call_attempts where closed_at is not null and call_sid is not null) as attempts`,
  );
  assert.deepEqual(left, { runs: 2, jobs: 12, events: 36, slots: 0, attempts: 12 });
});

it("lets the old design's loop refill a slot when it has slept", async (t) => {
  const carrier = { scripts: callsOf(100) };
  const bench = { full: false, seed: 1, scope: lastFirst(t), say: () => {} };
  const standIn = await runOldLoops(bench, { runs: 1, slots: 1, forMs: 3_100, carrier });
  const [calls, gaps] = [await standIn.calls(), refillGaps(await standIn.events())];
  // Each dial is followed by half a second, and the call is over by then. A machine that stands still costs calls.
  assert.ok(calls.length >= 2 && calls.length <= 7, `${calls.length} calls`);
  assert.ok(gaps.length === calls.length - 1 && gaps.every((ms) => ms > 300), JSON.stringify(gaps));
  assert.ok(slotUse(calls, 1) < 0.5);
});
