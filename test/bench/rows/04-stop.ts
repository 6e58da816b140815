// Row 4: what stop costs with a hundred thousand leads waiting, and whether anybody is called after its answer. A worker
// dials all the time; beside it stands the one UPDATE that stop cannot do without, on a run alike that nobody dials.
import assert from "node:assert/strict";
import { sql } from "drizzle-orm";
import { row as oneRow, type Database } from "../../../db/client.ts";
import { queuedJobs } from "../../support/depth.ts";
import { until } from "../../support/until.ts";
import type { Row } from "../row.ts";
import { checkInvariants } from "../parts/invariants.ts";
import { insertBusinesses, ownerToken } from "../parts/people.ts";
import { setStage } from "../parts/stage.ts";
import { percentile, rounded } from "../parts/statistics.ts";
import { timed } from "../parts/timed.ts";
import { figure } from "../table.ts";

const LEADS = 100_000;
const PAIRS = 3;
const SLOTS = 10;
/** Calls that end all the time, so that there is always one about to be dialled. */
const CALL_MS = 150;
/** Enough to be in the middle of it. */
const CALLS_BEFORE = 30;
const TARGET = 1.5;

export const row: Row = {
  no: 4,
  name: "stop with 100,000 leads waiting",
  target: `<= ${TARGET}x the bare UPDATE, 0 calls after the answer`,
  async run(bench) {
    const stage = await setStage(bench, {
      carrier: { scripts: [{ ringAfterMs: 0, answerAfterMs: 0, talkMs: CALL_MS }] },
    });
    const { db, carrier, apiUrl } = stage;
    await stage.start("api");
    const businesses = await insertBusinesses(db, 2 * PAIRS, SLOTS);
    const dialled = businesses.slice(0, PAIRS);
    const twins = businesses.slice(PAIRS);
    // Nobody dials the twins.
    await db.execute(
      sql`update business set calls_enabled = false where id = any (${sql.param(twins.map((b) => b.id))}::int[])`,
    );
    bench.say("filling");
    const runs = await queuedJobs(
      db,
      businesses.map((b) => b.id),
      LEADS * businesses.length,
    );
    await db.$client.query("vacuum analyze");
    await stage.start("worker");

    const stopMs: number[] = [];
    const bareMs: number[] = [];
    let callsAfter = 0;
    for (const [n, business] of dialled.entries()) {
      const from = business.from;
      await until(async () => (await carrier.calls({ from })).length >= CALLS_BEFORE, "calls before the stop", 60_000);
      const token = await ownerToken(business.id);
      const stop = await timed(() => postStop(apiUrl, token, runs[n]!));
      const answeredMs = Date.now();
      await carrier.mark(`stop ${n}`, { from });
      stopMs.push(stop.ms);
      assert.ok(stop.result > 0.9 * LEADS, `${stop.result} jobs were cancelled`);
      bareMs.push(await bareUpdate(db, runs[PAIRS + n]!));
      const report = await carrier.report();
      const late = (await carrier.calls({ from })).filter((call) => call.createdMs > answeredMs).length;
      callsAfter += Math.max(late, report.afterMark[`stop ${n}`]?.violations ?? 0);
      bench.say(`stop ${figure(stop.ms)} ms, bare UPDATE ${figure(bareMs.at(-1)!)} ms, ${late} calls after`);
    }
    await carrier.waitFor((r) => r.liveNow === 0 && r.callbacks.pending === 0, 30_000);
    await checkInvariants(stage, businesses);
    assert.equal(callsAfter, 0, "calls after the answer");

    const stopped = percentile(stopMs, 0.5);
    const bare = percentile(bareMs, 0.5);
    const ratio = stopped / bare;
    return {
      reached: `${ratio.toFixed(2)}x (${figure(stopped)} of ${figure(bare)} ms), ${callsAfter} calls after`,
      met: ratio <= TARGET,
      figures: {
        ratio: rounded(ratio),
        stop_p50_ms: rounded(stopped),
        bare_update_p50_ms: rounded(bare),
        calls_after: callsAfter,
      },
    };
  },
};

/** @returns how many jobs it cancelled */
async function postStop(apiUrl: string, token: string, runId: number): Promise<number> {
  const response = await fetch(`${apiUrl}/api/outbound/stop-queue`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ run_id: runId }),
  });
  const answer = (await response.json()) as { cancelled_jobs: number };
  assert.equal(response.status, 200, JSON.stringify(answer));
  return answer.cancelled_jobs;
}

/** Stored, as stop's is, with the run's counters beside it: else the tables would not agree afterwards. */
async function bareUpdate(db: Database, runId: number): Promise<number> {
  const { ms } = await timed(() =>
    db.transaction((tx) =>
      oneRow(
        tx,
        sql`with ended as (
              update outbound_call_jobs
                 set status = 'cancelled', outcome = 'cancelled', error_message = 'Queue stopped by user',
                     completed_at = clock_timestamp()::timestamp, active_number = null
               where run_id = ${runId} and status = 'queued'
            )
            update outbound_call_runs
               set status = 'stopped', cancel_requested = true, ended_at = t.at, completed_at = t.at, queued_count = 0,
                   cancelled_count = queued_count, cursor_position = total_leads
              from (select clock_timestamp()::timestamp as at) t
             where id = ${runId}
            returning id`,
      ),
    ),
  );
  return ms;
}
