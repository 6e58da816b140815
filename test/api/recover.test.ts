// Resume and clean-up, on the real queue core.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { eq, sql } from "drizzle-orm";
import { cleanups, runs } from "../../db/schema.ts";
import { cleanUpBusiness } from "../../src/runs/cleanup.ts";
import { resumeRun } from "../../src/runs/resume.ts";
import { anApi, as } from "./harness.ts";
import { aBusiness, aJob, aRun } from "./rows.ts";
import { freshDatabase } from "./support.ts";
import { testLogger } from "../support/log.ts";

const db = await freshDatabase({ after });
const warned: string[] = [];
const cleaner = {
  limits: { runTtlMs: 300_000, heartbeatMs: 5_000, afterTtl: "fail" as const },
  log: testLogger((line) => warned.push((JSON.parse(line) as { msg: string }).msg)),
};
const { app } = anApi(db, { queue: { resumeRun, cleanUpBusiness: (door) => cleanUpBusiness(cleaner, door) } });
const minutesAgo = (n: number) => sql`(now() - make_interval(mins => ${n}))::timestamp`;
const statusOf = async (id: number) => (await db.select().from(runs).where(eq(runs.id, id)))[0]?.status;

async function aRunLockedAgo(businessId: number, minutes: number) {
  const run = await aRun(db, businessId, { status: "running", startedAt: new Date(), lockedByWorker: "host:1" });
  await db
    .update(runs)
    .set({ lockTs: minutesAgo(minutes) })
    .where(eq(runs.id, run.id));
  await aJob(db, run);
  return run;
}

describe("resume", () => {
  it("lets a failed run go on, and no other", async () => {
    const shop = await aBusiness(db);
    const me = await as(app, { business: shop.id });
    const time = new Date();
    const run = await aRun(db, shop.id, { status: "failed", startedAt: time, endedAt: time, completedAt: time });
    await aJob(db, run);
    const path = `/api/outbound/runs/${run.id}/resume`;
    const { status, json } = await me.post(path);
    assert.deepEqual(
      [status, json],
      [
        200,
        {
          success: true,
          message: "Resumed. 1 lead is waiting to be called.",
          run_id: run.id,
          status: "running",
          queued: 1,
          skipped: 0,
        },
      ],
    );
    const again = await me.post(path);
    assert.deepEqual([again.status, again.json.code], [409, "run.not_resumable"]);
    const stranger = await as(app, { business: (await aBusiness(db)).id });
    const foreign = await stranger.post(path);
    const missing = await stranger.post("/api/outbound/runs/2000000000/resume");
    assert.deepEqual([foreign.status, foreign.text], [404, missing.text]);
  });
});

describe("clean-up", () => {
  it("ends the business's stuck runs and nobody else's, once a minute", async () => {
    const [mine, other] = [await aBusiness(db), await aBusiness(db)];
    const me = await as(app, { business: mine.id });
    const [stuck, alive, theirs] = [
      await aRunLockedAgo(mine.id, 6),
      await aRunLockedAgo(mine.id, 4),
      await aRunLockedAgo(other.id, 6),
    ];
    const forgotten = await aRun(db, mine.id, { cancelRequested: true });
    await aJob(db, forgotten);
    const { status, json } = await me.post("/api/outbound/cleanup-stuck-jobs");
    assert.deepEqual([status, json], [200, { success: true, cleaned_count: 2, message: "Stuck runs cleaned up: 2." }]);
    const found = await Promise.all([stuck, alive, theirs, forgotten].map(({ id }) => statusOf(id)));
    assert.deepEqual(found, ["failed", "running", "running", "cancelled"]);
    assert.deepEqual(warned, ["[CLEANUP] Reclaimed 1 stuck runs (TTL=5min)"]);

    const soon = await me.post("/api/outbound/cleanup-stuck-jobs");
    assert.deepEqual([soon.status, soon.json.code], [429, "cleanup.too_soon"]);
    const wait = Number(soon.headers.get("retry-after"));
    assert.ok(wait > 50 && wait <= 60, String(wait));

    await db.update(cleanups).set({ at: sql`now() - interval '61 seconds'` });
    const later = await me.post("/api/outbound/cleanup-stuck-jobs");
    assert.deepEqual([later.status, later.json.cleaned_count, later.json.message], [200, 0, "Nothing was stuck."]);
  });

  it("runs once when two ask at the same time", async () => {
    const me = await as(app, { business: (await aBusiness(db)).id });
    const ask = () => me.post("/api/outbound/cleanup-stuck-jobs");
    const answers = await Promise.all([ask(), ask(), ask()]);
    assert.deepEqual(
      answers.map((a) => a.status).toSorted((a, b) => a - b),
      [200, 429, 429],
    );
  });

  it("is not for agents", async () => {
    const agent = await as(app, { business: (await aBusiness(db)).id, role: "agent" });
    assert.equal((await agent.post("/api/outbound/cleanup-stuck-jobs")).status, 403);
  });
});
