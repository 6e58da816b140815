// What happens all day long, as the product does it: for tests that look at what it sends to the database meanwhile.
import assert from "node:assert/strict";
import { sql } from "drizzle-orm";
import { rows, type Database } from "../../db/client.ts";
import { openDoor } from "../../db/door.ts";
import { placeOfCall } from "../../db/system.ts";
import { forTenant } from "../../db/tenant.ts";
import { requestCancel } from "../../src/runs/cancel.ts";
import { dispatch } from "../../src/runs/dispatch.ts";
import type { Engine } from "../../src/runs/engine.ts";
import { callCancelled } from "../../src/runs/callCancelled.ts";
import { enqueueRun } from "../../src/runs/enqueue.ts";
import { heartbeat } from "../../src/runs/leases.ts";
import { askCarrier, maintain } from "../../src/runs/maintain.ts";
import { applyNews } from "../../src/runs/news.ts";
import { stopRun } from "../../src/runs/stop.ts";
import { TurnTaking } from "../../src/runs/turnTaking.ts";
import { waitingFor } from "../../src/runs/waiting.ts";
import { anApi, as } from "../api/harness.ts";
import type { World } from "../support/world.ts";

export interface Day {
  w: World;
  /** Of everything that a verb asks. */
  db: Database;
  /** A business with a long queue and a free slot. */
  businessId: number;
}

/** For one business, one call, one request. In the order in which they make sense. */
export const HOT_VERBS: Record<string, (day: Day) => Promise<unknown>> = {
  dispatch: dispatchAndDial,
  "news of a call": async (day) => {
    const { token, sid } = await aCall(day);
    for (const status of ["ringing", "in-progress"])
      assert.equal(await applyNews(day.db, { token, sid, status, durationSeconds: null, from: "callback" }), "applied");
  },
  "words of a call": async (day) => {
    const { token, sid } = await aCall(day);
    const place = await placeOfCall(day.db, { token, sid });
    const { businessId, runId } = place!;
    await forTenant(day.db, { businessId, actor: "carrier", userId: null }, day.w.log).wordsOf(runId);
  },
  "end of a call": endCalls,
  requests: async ({ w, db, businessId }) => {
    const facts = { limits: w.limits, accountSid: w.carrier.accountSid, callerId: undefined };
    const { app } = anApi(db, { queue: { waitingFor: (door, runId) => waitingFor(door, runId, facts) } });
    const user = await as(app, { business: businessId });
    const { json: active } = await user.get("/api/outbound/bulk/active");
    const id = String(active.run.run_id);
    for (const path of [
      `/api/outbound/runs/${id}`,
      `/api/outbound_calls/jobs/${id}/status`,
      "/api/outbound_calls/jobs/active",
      "/api/outbound_calls/counts",
    ])
      assert.equal((await user.get(path)).status, 200, path);
    const tenant = forTenant(db, { businessId, actor: "user:7", userId: null }, w.log);
    await tenant.watchRun(Number(id));
  },
};

/** For a whole run at once. */
export const BULK_VERBS: Record<string, (day: Day) => Promise<unknown>> = {
  "enqueue, cancel and stop": async ({ w, db, businessId }) => {
    const door = openDoor(db, { businessId, actor: "user:7", userId: null });
    for (const end of [requestCancel, stopAtOnce]) {
      const leadIds = await w.leads({ id: businessId, from: "", highestLimit: 0 }, 20);
      const wish = { leadIds, concurrency: 3, outboundListId: null, projectId: null, message: null };
      const { runId } = await enqueueRun(door, wish);
      await end(door, runId);
    }
  },
  "calling the rest of a stopped run": async ({ w, db, businessId }) => {
    const business = { id: businessId, from: "", highestLimit: 0 };
    const door = openDoor(db, { businessId, actor: "user:7", userId: null });
    const { runId } = await w.enqueue(business, await w.leads(business, 20));
    await stopAtOnce(door, runId);
    const rest = await callCancelled(door, runId);
    assert.equal(rest.queued, 20);
    await stopAtOnce(door, rest.runId);
  },
  "the dispatch after a cancel": async (day) => {
    await dispatchAndDial(day);
    await endCalls(day);
  },
};

/** For the whole system, on the clock. */
export const TICKS: Record<string, (day: Day) => Promise<unknown>> = {
  heartbeat: ({ w, db }) => heartbeat(db, w.engine().worker, ["pool"], w.limits),
  maintenance: ({ w, db }) => maintain(w.engine({ db })),
  "asking the carrier": ({ w, db }) => askCarrier(w.engine({ db })),
  "whose turn it is": async ({ db }) => {
    const all = await rows<{ id: number }>(db, sql`select id from business`);
    const ids = all.map(({ id }) => id);
    assert.ok((await new TurnTaking(db).first(ids, 4)).length > 0);
  },
};

async function dispatchAndDial({ w, db, businessId }: Day): Promise<void> {
  const launched: Promise<void>[] = [];
  const launch: Engine["launch"] = (work) => void launched.push(work());
  assert.ok((await dispatch(w.engine({ db, launch }), businessId)) > 0);
  await Promise.all(launched);
}

/** The business's live calls that were placed here. */
async function calls({ w, businessId }: Day): Promise<{ token: string; sid: string }[]> {
  return await rows(
    w.db,
    sql`select token, call_sid as sid
          from outbound_call_attempts a join business b on b.id = a.business_id and b.phone_number = a.from_number
         where b.id = ${businessId} and closed_at is null and call_sid is not null`,
  );
}

const aCall = async (day: Day) => (await calls(day))[0]!;

async function endCalls(day: Day): Promise<void> {
  for (const { token, sid } of await calls(day)) {
    const news = { token, sid, status: "completed", durationSeconds: 3, from: "callback" as const };
    assert.equal(await applyNews(day.db, news), "applied");
    assert.equal(await applyNews(day.db, { ...news, token: null }), "ignored");
  }
}

const stopAtOnce: typeof requestCancel = async (door, runId) => {
  await stopRun(door, runId, { hangUp: false, flight: { postStartBudgetMs: 0, postTimeoutMs: 0 } });
  return "requested";
};
