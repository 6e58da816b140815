// Enqueue: who gets a job, who is skipped and why, and that two at the same moment never call anyone twice.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { row, rows } from "../../db/client.ts";
import { violatedConstraint } from "../../db/pgErrors.ts";
import { CodedError } from "../../src/errors.ts";
import type { Enqueued } from "../../src/runs/enqueue.ts";
import { sized } from "../support/sizes.ts";
import { assertInvariants, world, type World } from "../support/world.ts";

async function codeOf(promise: Promise<unknown>): Promise<CodedError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof CodedError, String(error));
    return error;
  }
  throw new Error("it did not fail");
}

const TABLES = ["outbound_call_runs", "outbound_call_jobs", "outbound_run_events", "graphile_worker._private_jobs"];

async function assertNothingCreated(w: World): Promise<void> {
  for (const table of TABLES) {
    const found = await row<{ n: number }>(w.db, sql`select count(*)::int as n from ${sql.raw(table)}`);
    assert.equal(found?.n, 0, table);
  }
}

describe("enqueue", () => {
  it("creates jobs in the order of lead_ids, counts them, and asks for a dispatch", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const leads = (await w.leads(business, 40)).toReversed();
    const { runId, queued, skipped } = await w.enqueue(business, leads, { concurrency: 7, projectId: 5 });
    assert.deepEqual([queued, skipped], [40, []]);
    const jobs = await w.jobs(runId);
    assert.deepEqual(
      jobs.map((job) => job.leadId),
      leads,
    );
    assert.deepEqual(
      jobs.map((job) => job.to),
      await w.numbersOf(leads),
    );
    const run = await w.run(runId);
    assert.deepEqual([run.status, run.total, run.queued, run.cursor], ["pending", 40, 40, 0]);
    const wakes = await rows<{ key: string }>(w.db, sql`select key from graphile_worker.jobs`);
    assert.deepEqual(wakes, [{ key: `dispatch:${business.id}` }]);
    const trail = await rows<{ kind: string; actor: string }>(w.db, sql`select kind, actor from outbound_run_events`);
    assert.deepEqual(trail, [{ kind: "run.created", actor: "user:7" }]);
    await assertInvariants(w);
  });

  it("says for each skipped lead why, and calls the others", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const [active] = await w.leadsWith(business, ["052-7000001"]);
    await w.enqueue(business, [active!]);
    const phones = [
      null,
      "",
      " - ",
      "call me",
      "050-123",
      "052-700-0002",
      "+972527000002",
      "972527000001",
      "0527000003",
    ];
    const leads = await w.leadsWith(business, phones);
    const { runId, queued, skipped } = await w.enqueue(business, leads);
    assert.equal(queued, 2);
    const reasons = new Map(skipped.map(({ leadId, reason }) => [leadId, reason]));
    assert.deepEqual(
      leads.map((id) => reasons.get(id) ?? "called"),
      [
        "missing_phone",
        "missing_phone",
        "missing_phone",
        "invalid_phone",
        "invalid_phone",
        "called",
        "duplicate_phone",
        "already_queued",
        "called",
      ],
    );
    assert.deepEqual(
      (await w.jobs(runId)).map((job) => job.to),
      ["+972527000002", "+972527000003"],
    );
    assert.equal((await w.run(runId)).total, 2, "skipped leads are not in total_leads");
  });

  it("creates nothing when nobody is left, and says why", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const leads = await w.leadsWith(business, [null, "x"]);
    const error = await codeOf(w.enqueue(business, leads));
    assert.equal(error.code, "run.nothing_to_call");
    assert.deepEqual(error.detail["skipped"], [
      { leadId: leads[0], reason: "missing_phone" },
      { leadId: leads[1], reason: "invalid_phone" },
    ]);
    await assertNothingCreated(w);
  });

  it("a lead that is foreign or does not exist: the same answer, and nothing created", async (t) => {
    const w = await world(t);
    const [ours, theirs] = [await w.business(), await w.business()];
    const own = await w.leads(ours, 3);
    const [foreign] = await w.leads(theirs, 1);
    const errors = [
      await codeOf(w.enqueue(ours, [...own, foreign!])),
      await codeOf(w.enqueue(ours, [...own, 2_000_000_000])),
    ];
    for (const { code, message, detail } of errors)
      assert.deepEqual([code, message, detail], ["lead.not_found", errors[0]!.message, {}]);
    await assertNothingCreated(w);
  });

  it("refuses a disabled business, and a list of somebody else", async (t) => {
    const w = await world(t);
    const [business, other] = [await w.business(), await w.business()];
    const leads = await w.leads(business, 2);
    const list = await row<{ id: number }>(
      w.db,
      sql`insert into outbound_lead_lists (tenant_id, name) values (${other.id}, 'theirs') returning id`,
    );
    assert.equal((await codeOf(w.enqueue(business, leads, { outboundListId: list!.id }))).code, "list.not_found");
    for (const column of ["is_active", "calls_enabled"]) {
      await w.db.execute(sql`update business set ${sql.raw(column)} = false where id = ${business.id}`);
      assert.equal((await codeOf(w.enqueue(business, leads))).code, "business.calls_disabled");
      await w.db.execute(sql`update business set ${sql.raw(column)} = null where id = ${business.id}`);
    }
    await assertNothingCreated(w);
    assert.equal((await w.enqueue(business, leads)).queued, 2, "unknown means enabled");
  });

  it("counts repeated lead ids once", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const [a, b] = await w.leads(business, 2);
    const { runId, queued, skipped } = await w.enqueue(business, [b!, a!, b!, b!, a!]);
    assert.deepEqual([queued, skipped], [2, []]);
    assert.deepEqual(
      (await w.jobs(runId)).map((job) => job.leadId),
      [b, a],
    );
  });

  it("the database refuses a lead twice in a run, and a number twice among the active", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const [a, b] = await w.leads(business, 2);
    const { runId } = await w.enqueue(business, [a!]);
    const [number] = await w.numbersOf([a!]);
    const insert = (run: number, lead: number, active: string | null) =>
      w.db.execute(sql`
        insert into outbound_call_jobs (run_id, lead_id, business_id, to_number, active_number)
        values (${run}, ${lead}, ${business.id}, ${number}, ${active})`);
    const refusedBy = async (attempt: Promise<unknown>) =>
      violatedConstraint(await attempt.catch((error: unknown) => error));
    assert.equal(await refusedBy(insert(runId, a!, null)), "unique_run_lead");
    assert.equal(await refusedBy(insert(runId, b!, number!)), "unique_active_number");
  });

  it("the same number may be active in two businesses, and again once its run has ended", async (t) => {
    const w = await world(t);
    const [first, second] = [await w.business(), await w.business()];
    const [here] = await w.leadsWith(first, ["0527111111"]);
    const [there] = await w.leadsWith(second, ["052-711-1111"]);
    await w.worker();
    for (const [business, lead] of [
      [first, here],
      [second, there],
      [first, here],
    ] as const) {
      const { runId } = await w.enqueue(business, [lead!]);
      await w.untilRun(runId, "completed");
    }
    assert.equal((await w.carrier.report()).accepted, 3);
    await assertInvariants(w, { calledTwice: ["+972527111111"] });
  });

  it("a double click: the same 50 leads twice at the same moment, 20 times over", async (t) => {
    const w = await world(t, { limits: { maxCallsPerBusiness: 10 } });
    const rounds = 20;
    const dialled = sized(3, rounds);
    const runs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const business = await w.business();
      const leads = await w.leads(business, 50);
      const clicks = await Promise.allSettled([
        w.enqueue(business, leads, { concurrency: 10 }),
        w.enqueue(business, leads, { concurrency: 10 }),
      ]);
      const won = clicks.filter((c): c is PromiseFulfilledResult<Enqueued> => c.status === "fulfilled");
      const lost = clicks.filter((c) => c.status === "rejected").map((c) => c.reason as CodedError);
      assert.deepEqual(
        won.map(({ value }) => [value.queued, value.skipped.length]),
        [[50, 0]],
      );
      assert.equal(lost[0]?.code, "run.nothing_to_call");
      const skipped = lost[0]?.detail["skipped"] as Enqueued["skipped"];
      assert.deepEqual(
        skipped,
        leads.map((leadId) => ({ leadId, reason: "already_queued" })),
      );
      if (round < dialled) runs.push(won[0]!.value.runId);
      else await w.db.execute(sql`update business set calls_enabled = false where id = ${business.id}`);
    }
    await w.worker();
    for (const runId of runs) await w.untilRun(runId, "completed", 90_000);
    assert.equal((await w.carrier.report()).accepted, dialled * 50);
    await assertInvariants(w);
  });

  it("overlapping lists in opposite orders never deadlock, and share the numbers out", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const leads = await w.leads(business, sized(500, 2_000));
    const half = Math.floor(leads.length / 2);
    for (let round = 0; round < 5; round++) {
      const lists = [leads, leads.toReversed(), [...leads.slice(half), ...leads.slice(0, half)], leads.slice(half)];
      const results = await Promise.allSettled(lists.map((list) => w.enqueue(business, list)));
      for (const result of results)
        if (result.status === "rejected") assert.equal((result.reason as CodedError).code, "run.nothing_to_call");
      const queued = results.reduce((sum, r) => sum + (r.status === "fulfilled" ? r.value.queued : 0), 0);
      assert.equal(queued, leads.length, "every number has exactly one active job");
      await w.db.execute(
        sql`update outbound_call_jobs set status = 'cancelled', active_number = null, completed_at = now()`,
      );
    }
    const deadlocks = await row<{ deadlocks: number }>(
      w.db,
      sql`select deadlocks::int from pg_stat_database where datname = current_database()`,
    );
    assert.equal(deadlocks?.deadlocks, 0);
  });
});
