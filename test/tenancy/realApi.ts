// The API on the real queue core, and a digest that says whether a request changed anything.
import { createHash } from "node:crypto";
import type { Database } from "../../db/client.ts";
import { openFeed } from "../../src/api/feed.ts";
import { readLeads } from "../../src/leads/import.ts";
import { callCancelled } from "../../src/runs/callCancelled.ts";
import { requestCancel } from "../../src/runs/cancel.ts";
import { cleanUpBusiness } from "../../src/runs/cleanup.ts";
import { enqueueRun } from "../../src/runs/enqueue.ts";
import { applyNews } from "../../src/runs/news.ts";
import { resumeRun } from "../../src/runs/resume.ts";
import { forceCancelRun, stopRun } from "../../src/runs/stop.ts";
import { waitingFor } from "../../src/runs/waiting.ts";
import { anApi } from "../api/harness.ts";
import { testLogger } from "../support/log.ts";
import { CRM, OURS } from "./shops.ts";

const LIMITS = {
  postStartBudgetMs: 2_000,
  postTimeoutMs: 10_000,
  maxCallsPerBusiness: 3,
  adoptAfterMs: 20_000,
  runTtlMs: 300_000,
  heartbeatMs: 0,
  afterTtl: "fail" as const,
};

export function aRealApi(db: Database, t: { after(close: () => Promise<void>): void }) {
  const waiting: Parameters<typeof openFeed>[0]["waitingFor"] = (door, runId) =>
    waitingFor(door, runId, { limits: LIMITS, accountSid: "AC1", callerId: "+97231234567" });
  const noted = anApi(db).deps;
  const feed = openFeed({ ...noted, waitingFor: waiting });
  t.after(() => feed.close());
  return anApi(db, {
    queue: {
      enqueueRun,
      callCancelled,
      stopRun,
      forceCancelRun,
      requestCancel,
      resumeRun,
      applyNews,
      waitingFor: waiting,
      cleanUpBusiness: (door) => cleanUpBusiness({ limits: LIMITS, log: testLogger() }, door),
    },
    deps: { readLeads, feed },
  });
}

/** Of every row that a request could reach. Counting requests, and that a system_admin looked, is no change. */
export async function digestOf(db: Database): Promise<string> {
  const tables = [...OURS.filter((table) => table !== "outbound_request_counts"), ...Object.keys(CRM)];
  const parts = tables.map((table) => {
    const which = table === "outbound_run_events" ? "where kind <> 'system_admin.access'" : "";
    return `select md5(string_agg(t::text, '|' order by t::text)) as d from ${table} t ${which}`;
  });
  const { rows } = await db.execute(parts.join(" union all "));
  return createHash("sha256").update(JSON.stringify(rows)).digest("hex");
}
