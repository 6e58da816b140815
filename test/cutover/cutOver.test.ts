// After the cut-over the queue runs on the old system's database: who was waiting is called once, nobody is called again,
// and old runs can still be read.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { openDatabase, row, rows } from "../../db/client.ts";
import { openDoor } from "../../db/door.ts";
import { migrateDatabase } from "../../db/migrate.ts";
import { forTenant } from "../../db/tenant.ts";
import { runView } from "../../src/api/views.ts";
import { cutOver } from "../../src/cutover/cutOver.ts";
import { handOverRun } from "../../src/cutover/handOverRun.ts";
import { reconcile } from "../../src/runs/reconcile.ts";
import { wakeDispatch } from "../../src/runs/wake.ts";
import { resumeRun } from "../../src/runs/resume.ts";
import { testLogger } from "../support/log.ts";
import { freshDatabase, type Scope } from "../support/postgres.ts";
import { seeded } from "../support/random.ts";
import { sized } from "../support/sizes.ts";
import { brokenRules } from "../support/world/invariants.ts";
import { assertInvariants, world, type World } from "../support/world.ts";
import { CRM, mixture, oldSteps, prefixes, type OldState } from "../upgrade/oldStates.ts";
import { connect, everything, oldDatabase } from "../upgrade/support.ts";
import { aRun, anOldShop, fates, openOldShop, queuedJobs } from "./oldShop.ts";

const SEED = 3;
const SHOP = { id: 1, from: "+97231234567", highestLimit: 3 };

/** One business of the old system (before 113): a run it was busy with, one that waits, one that is over. */
async function oldShop(t: Scope): Promise<{ url: string }> {
  const { url } = await freshDatabase(t);
  const client = await connect(url);
  const steps = oldSteps(true).slice(0, 6);
  for (const statement of [...CRM, ...steps.flatMap((step) => step.statements)]) await client.query(statement);
  await client.query(`
    insert into business (id, name, phone_number) values (1, 'Shop', '03-1234567');
    insert into leads (id, tenant_id, name, phone_e164) select n, 1, 'Lead ' || n, '05' || (20000000 + n) from generate_series(1, 60) n;
    update leads set phone_e164 = 'none' where id = 20;
    update leads set phone_e164 = '052-0000005' where id = 19;
    insert into outbound_call_runs (id, business_id, status, created_at) values
      (1, 1, 'running', now() - interval '3 months'), (2, 1, 'pending', now() - interval '1 minute'), (3, 1, 'completed', now() - interval '4 months');
    insert into outbound_call_jobs (run_id, lead_id, status, call_sid, created_at, completed_at)
      select 1, n, case when n <= 5 then 'completed' when n = 6 then 'calling' when n = 7 then 'DIALLING' else 'queued' end,
             case when n <= 6 then 'CAold' || n end, now() - interval '1 hour', case when n <= 5 then now() - interval '1 hour' end
        from generate_series(1, 20) n;
    insert into outbound_call_jobs (run_id, lead_id, status) select 2, n, 'queued' from generate_series(15, 30) n;
    insert into outbound_call_jobs (run_id, lead_id, status, call_sid) select 3, n, case n when 40 then 'queued' else 'failed' end, 'CAend' || n from generate_series(40, 44) n;
    select setval('outbound_call_runs_id_seq', 100)`);
  await client.end();
  await migrateDatabase(url);
  return { url };
}

const statuses = async (w: World, runId: number) =>
  Object.fromEntries(
    (
      await rows<{ s: string; n: number }>(
        w.db,
        sql`select status as s, count(*)::int as n from outbound_call_jobs where run_id = ${runId} group by 1 order by 1`,
      )
    ).map(({ s, n }) => [s, n]),
  );

describe("the cut-over", () => {
  it("lets the queue go on where the old system stood", async (t) => {
    const w = await world(t, { database: oldShop, limits: { callNewsMs: 1, lookupGapMs: 1 } });
    w.businesses.push(SHOP);
    const { runs, jobs } = await cutOver(w.db);
    assert.deepEqual(runs, { completed: 1, failed: 1, pending: 1 });
    // Run 1: 6 may be on the phone, 7 may have been called, 19 has the number of 5, who was; 20 has none.
    // Run 2: 15 to 18 wait in run 1 already, 20 has no number. Run 3: 40 waits, and yet has a call.
    assert.deepEqual(jobs, { queued: 11 + 11, live: 1, failed: 2 + 1 + 1, cancelled: 1 + 4 });
    await w.worker();
    const run2 = await w.untilRun(2, "completed");
    assert.equal(run2.completed, 11);
    assert.equal((await w.run(1)).status, "failed");

    await resumeRun(w.door(SHOP), 1);
    await w.untilRun(1, (r) => r.queued === 0);
    // The carrier does not know the call that the old system was in, twice.
    for (let n = 0; n < 3; n++) await reconcile(w.engine());
    await w.untilRun(1, "completed");
    assert.deepEqual(await statuses(w, 1), { cancelled: 1, completed: 5 + 11, failed: 3 });
    assert.deepEqual(await statuses(w, 3), { failed: 5 });
    await w.quiet();
    await assertInvariants(w);
    assert.deepEqual(await cutOver(w.db), { runs: {}, jobs: { queued: 0, live: 0, failed: 0, cancelled: 0 } });
  });

  it("comes before the first call: until then an old run is only ended, when it was silent for long", async (t) => {
    const w = await world(t, { database: oldShop });
    await w.worker();
    const run = await w.untilRun(1, "failed");
    assert.match(run.lastError ?? "", /^Worker timeout - no heartbeat/);
    await wakeDispatch(w.db, 1);
    await w.quiet();
    assert.equal((await w.run(2)).status, "pending");
    assert.equal((await w.carrier.report()).totalCreates, 0);
  });

  it("leaves every old run readable for its business, and for no other", async (t) => {
    const { url } = await oldShop(t);
    const db = openDatabase({ url, name: "test", max: 2 });
    t.after(() => db.$client.end());
    await db.execute(sql`insert into business (id, name) values (2, 'Other')`);
    const log = testLogger();
    const read = (business: number) =>
      forTenant(db, openDoor(db, { businessId: business, actor: "user:1", userId: null }), log);
    for (const after of ["migration", "cut-over"]) {
      if (after === "cut-over") await cutOver(db);
      const page = (await read(1).listRuns(10, undefined)) as unknown as { items?: unknown[]; rows?: unknown[] };
      assert.equal((page.items ?? page.rows ?? []).length, 3, after);
      const run = runView((await read(1).findRun(3))!);
      assert.equal(run.status, "completed");
      assert.ok(run.ended_at);
      assert.equal(run.total_leads, 5);
      assert.equal(await read(2).findRun(3), undefined);
    }
  });

  it("refuses while an old worker is at work, unless told to", async (t) => {
    const { url } = await oldShop(t);
    const db = openDatabase({ url, name: "test", max: 2 });
    t.after(() => db.$client.end());
    await db.execute(sql`update outbound_call_runs set lock_ts = now(), locked_by_worker = 'old:17' where id = 1`);
    await assert.rejects(cutOver(db), { code: "cutover.old_workers_alive", message: /served by old:17/ });
    await db.execute(sql`update outbound_call_runs set lock_ts = now() + interval '3 hours' where id = 1`);
    await assert.rejects(cutOver(db), { code: "cutover.old_workers_alive", message: /lie in the future/ });
    assert.equal(
      (await row<{ n: number }>(db, sql`select count(*)::int as n from outbound_call_runs where engine = 'ringpost'`))
        ?.n,
      0,
    );
    assert.ok((await cutOver(db, { force: true })).runs["failed"]);
  });

  it("knows a business's live calls before our workers dial for it", async (t) => {
    const w = await world(t, {
      carrier: { scripts: [{ talkMs: 600_000 }] },
      database: (scope) =>
        anOldShop(
          scope,
          `insert into outbound_call_runs (id, business_id, status, created_at, updated_at) values
             (1, 1, 'pending', now() - interval '5 minutes', now() - interval '5 minutes');
           ${aRun(2, "running")}; ${aRun(3, "stopped", "ended_at", "now() - interval '1 hour'")};
           ${queuedJobs(1, 1, 20)}; ${queuedJobs(2, 1, 1)}; ${queuedJobs(3, 30, 30)};
           update outbound_call_jobs set status = 'calling', call_sid = 'CA' || id, dial_started_at = now() - interval '1 hour' where run_id > 1`,
        ),
    });
    w.businesses.push(SHOP);
    await w.worker();
    await cutOver(w.db);
    const handed = await rows<{ run: number }>(
      w.db,
      sql`select run_id as run from outbound_run_events where kind = 'run.handed_over' order by id`,
    );
    assert.deepEqual(
      handed.map(({ run }) => run),
      [2, 3, 1],
      "whoever goes on by itself comes last",
    );
    // Two of the three lines are taken by the old system's calls.
    await w.untilRun(1, (run) => run.inProgress > 0);
    await w.carrier.waitFor((r) => r.totalCreates > 0);
    assert.equal((await w.run(1)).inProgress, 1);
    assert.equal((await fates(w.db, 1))[101], "cancelled already_queued");
    const { maxLivePerFrom } = await w.carrier.report();
    assert.equal(maxLivePerFrom[SHOP.from], 1);
  });

  it("remembers what waits in the runs that it had handed over when it was killed", async (t) => {
    const db = await openOldShop(
      t,
      `${aRun(1, "running")}; ${aRun(2, "running")}; ${aRun(3, "failed", "ended_at", "now() - interval '1 hour'")};
       ${queuedJobs(1, 1, 2)}; ${queuedJobs(2, 1, 3)}; ${queuedJobs(3, 3, 3)}`,
    );
    await handOverRun(db, 1, 1, { numbers: new Set(), sids: new Set() });
    await handOverRun(db, 1, 3, { numbers: new Set(), sids: new Set() });
    await cutOver(db);
    assert.deepEqual(await fates(db, 2), {
      201: "cancelled already_queued",
      202: "cancelled already_queued",
      // Run 3 had failed long before: its resume looks whom others call.
      203: "queued",
    });
  });

  const random = seeded(SEED);
  const states: OldState[] = [
    ...prefixes().filter((_, n) => n % 5 === 1),
    ...Array.from({ length: sized(2, 20) }, (_, n) => mixture(random, n)),
  ];
  for (const [n, state] of states.entries()) {
    it(`keeps the queue's rules on damaged rows: ${state.name}`, async (t) => {
      const { url, client } = await oldDatabase(t, state, SEED + n, 300);
      await migrateDatabase(url);
      const db = openDatabase({ url, name: "test", max: 2 });
      t.after(() => db.$client.end());
      await cutOver(db, { force: true });
      for (const [rule, found] of Object.entries(await brokenRules(db))) assert.deepEqual(found, [], rule);
      const { rows: left } = await client.query(
        "select id from outbound_call_runs where engine <> 'ringpost' or status = 'running'",
      );
      assert.deepEqual(left, []);
      const before = await everything(client);
      await cutOver(db);
      assert.equal(await everything(client), before);
    });
  }
});
