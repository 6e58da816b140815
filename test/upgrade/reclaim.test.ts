// TTL reclaim of the old system's runs: only what no old worker serves, and as it was asked to end.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { row, rows } from "../../db/client.ts";
import { reap } from "../../src/runs/reap.ts";
import { minutes, world, type World } from "../support/world.ts";

const LONG_AGO = minutes(600);
const ago = (ms: number | null) =>
  ms === null ? sql`null::timestamp` : sql`clock_timestamp()::timestamp - make_interval(secs => ${ms / 1000})`;

interface Old {
  lockedAgo?: number;
  cancel?: boolean;
  /** How long ago its only job was started, or ended. */
  startedAgo?: number;
  endedAgo?: number;
}

/** A running run that nobody has touched for hours, with one job. */
async function oldRun(w: World, old: Old): Promise<number> {
  const { id: business } = await w.business();
  const lead = await row<{ id: number }>(
    w.db,
    sql`insert into leads (tenant_id, phone_e164) values (${business}, '0501234567') returning id`,
  );
  const run = await row<{ id: number }>(
    w.db,
    sql`insert into outbound_call_runs (business_id, status, engine, cancel_requested, total_leads, queued_count, created_at, updated_at, lock_ts, locked_by_worker)
        values (${business}, 'running', 'legacy', ${old.cancel ?? false}, 1, 1, ${ago(LONG_AGO)}, ${ago(LONG_AGO)}, ${ago(old.lockedAgo ?? null)}, 'old:1') returning id`,
  );
  await w.db.execute(
    sql`insert into outbound_call_jobs (run_id, lead_id, business_id, status, started_at, completed_at)
        values (${run!.id}, ${lead!.id}, ${business}, 'queued', ${ago(old.startedAgo ?? null)}, ${ago(old.endedAgo ?? null)})`,
  );
  return run!.id;
}

const reaped = async (w: World) => (await reap({ ...w.engine(), limits: w.limits }, null)).reclaimed_runs;
const statusOf = async (w: World, id: number) =>
  (await row<{ status: string }>(w.db, sql`select status from outbound_call_runs where id = ${id}`))!.status;

describe("an old run", () => {
  for (const [what, served, silent] of [
    ["a call that it started", { startedAgo: minutes(29) }, { startedAgo: minutes(31) }],
    ["a call that ended", { endedAgo: minutes(29) }, { endedAgo: minutes(31) }],
    [
      "a call that it started, beside an old lock",
      { lockedAgo: LONG_AGO, startedAgo: minutes(4) },
      { lockedAgo: LONG_AGO, startedAgo: minutes(6) },
    ],
  ] as const)
    it(`is alive by ${what}, though nobody touched its row`, async (t) => {
      const w = await world(t);
      const [alive, dead] = [await oldRun(w, served), await oldRun(w, silent)];
      assert.equal(await reaped(w), 1);
      assert.deepEqual([await statusOf(w, alive), await statusOf(w, dead)], ["running", "failed"]);
    });

  it("that was asked to cancel ends cancelled when its worker is dead, and not before", async (t) => {
    const w = await world(t);
    const dead = await oldRun(w, { cancel: true });
    const alive = await oldRun(w, { cancel: true, startedAgo: minutes(1) });
    assert.equal(await reaped(w), 0);
    assert.deepEqual([await statusOf(w, dead), await statusOf(w, alive)], ["cancelled", "running"]);
    const run = await row(
      w.db,
      sql`select last_error as error, ended_at is not null and ended_at = completed_at as ended from outbound_call_runs where id = ${dead}`,
    );
    assert.deepEqual(run, { error: null, ended: true });
    const events = await rows(w.db, sql`select kind, actor from outbound_run_events where run_id = ${dead}`);
    assert.deepEqual(events, [{ kind: "run.cancelled", actor: "reaper" }]);
  });
});
