// The old system's runs through the API, before the cut-over and after it: every answer is what the document says, and
// what cannot be done with them yet is refused in words.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { openDatabase, type Database } from "../../db/client.ts";
import { migrateDatabase } from "../../db/migrate.ts";
import { openApiDocument } from "../../src/api/openapi.ts";
import { cutOver } from "../../src/cutover/cutOver.ts";
import { requestCancel } from "../../src/runs/cancel.ts";
import { resumeRun } from "../../src/runs/resume.ts";
import { forceCancelRun, stopRun } from "../../src/runs/stop.ts";
import { waitingFor } from "../../src/runs/waiting.ts";
import { anApi, as } from "../api/harness.ts";
import type { Scope } from "../support/postgres.ts";
import { lastFirst } from "../support/scope.ts";
import { prefixes } from "./oldStates.ts";
import { oldDatabase } from "./support.ts";

const SEED = 12;
const limits = { maxCallsPerBusiness: 3, adoptAfterMs: 20_000, postStartBudgetMs: 2_000, postTimeoutMs: 10_000 };
const queue = {
  requestCancel,
  resumeRun,
  stopRun,
  forceCancelRun,
  waitingFor: (door: Parameters<typeof waitingFor>[0], id: number) =>
    waitingFor(door, id, { limits, accountSid: undefined, callerId: undefined }),
};

/** Damaged rows, upgraded; and then the old application went on in its own words. */
async function upgraded(of: Scope): Promise<{ db: Database; odd: number[] }> {
  const t = lastFirst(of);
  const { url, client } = await oldDatabase(
    t,
    prefixes().find((s) => s.name === "up to 46d, without keys")!,
    SEED,
    200,
  );
  await migrateDatabase(url);
  const { rows } = await client.query<{ id: number }>(`
    insert into outbound_call_runs (business_id, status, total_leads, queued_count, in_progress_count, cursor_position, concurrency, created_at)
    values (1, 'stopping', 2, -1, null, 5, null, null), (1, 'RUNNING', null, 1, 0, null, 3, now()), (1, null, 1, 1, -1, 0, 3, now()), (1, 'done', 1, 0, 0, 1, 3, now())
    returning id`);
  await client.query(
    `insert into outbound_call_jobs (run_id, lead_id, status, twilio_call_sid, created_at) values
       ($1, 2, 'DIALLING', 'CAodd', null), ($1, 4, null, null, now()), ($1, 6, 'busy', null, now())`,
    [rows[0]!.id],
  );
  await client.query("update outbound_call_jobs set completed_at = now() where run_id = $1 and lead_id = 6", [
    rows[0]!.id,
  ]);
  await client.query(
    "insert into call_log (id, business_id, lead_id, call_sid, direction, status) values (900, 1, 2, 'CAodd', 'outbound', 'ringing')",
  );
  const db = openDatabase({ url, name: "test", max: 4 });
  t.after(() => db.$client.end());
  return { db, odd: rows.map(({ id }) => id) };
}

const PATHS = ["/api/outbound/runs/{run_id}", "/api/outbound/runs/{run_id}/jobs", "/api/outbound/runs/{run_id}/audit"];
const OLDER = "/api/outbound_calls/jobs/{run_id}/status";
const ACTIVE = [
  "/api/outbound/runs",
  "/api/outbound/bulk/active",
  "/api/outbound_calls/jobs/active",
  "/api/outbound_calls/counts",
];

describe("the old system's runs", () => {
  it("are read through every route, as the document says, before the cut-over and after it", async (t) => {
    const { db, odd } = await upgraded(t);
    const user = await as(anApi(db, { queue }).app, { business: 1 });
    const document = JSON.parse(JSON.stringify(await openApiDocument())) as object;
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: "doc", ...document });
    const read = async (path: string, runId?: number) => {
      const answer = await user.get(path.replace("{run_id}", String(runId)));
      assert.equal(answer.status, 200, `${path} ${runId}: ${answer.text}`);
      const escaped = path.replaceAll("/", "~1");
      const at = `paths/${escaped}/get/responses/200/content/application~1json/schema`;
      const fits = ajv.getSchema(`doc#/${encodeURI(at)}`);
      assert.ok(
        fits?.(answer.json),
        `${path} ${runId}: ${ajv.errorsText(fits?.errors)} in ${answer.text.slice(0, 500)}`,
      );
      return answer.json as {
        items: { run_id: number; status: string; call_sid: string }[];
        status: string;
      };
    };
    for (const moment of ["migrated", "handed over"]) {
      if (moment === "handed over") await cutOver(db, { force: true });
      for (const path of moment === "migrated" ? ACTIVE : ACTIVE.filter((p) => !p.includes("jobs/active")))
        await read(path);
      const { items } = await read("/api/outbound/runs");
      assert.ok(odd.every((id) => items.some((run) => run.run_id === id)));
      for (const { run_id, status } of items) {
        for (const path of [...PATHS, OLDER]) assert.equal((await read(path, run_id)).status ?? status, status, path);
        const csv = await user.get(`/api/outbound/runs/${run_id}/results.csv`);
        assert.equal(csv.status, 200);
      }
      const calls = await user.get(`/api/outbound/recent-calls?run_id=${odd[0]}`);
      assert.deepEqual(
        calls.json.items.map((call: { call_sid: string }) => call.call_sid),
        ["CAodd"],
        moment,
      );
    }
  });

  it("show the state that the rest of the row speaks for, whatever word the old system uses", async (t) => {
    const { db, odd } = await upgraded(t);
    const user = await as(anApi(db, { queue }).app, { business: 1 });
    const shown = await Promise.all(odd.map(async (id) => (await user.get(`/api/outbound/runs/${id}`)).json.status));
    assert.deepEqual(shown, ["running", "running", "running", "running"]);
    const jobs = (await user.get(`/api/outbound/runs/${odd[0]}/jobs`)).json.items;
    assert.deepEqual(
      jobs.map((job: { status: string }) => job.status),
      ["calling", "queued", "failed"],
    );
  });

  it("are not stopped, cancelled or resumed here before the cut-over: 409 says whose they are", async (t) => {
    const { db, odd } = await upgraded(t);
    const { app } = anApi(db, { queue });
    const [en, he, other] = await Promise.all([
      as(app, { business: 1, language: "en" }),
      as(app, { business: 1, language: "he" }),
      as(app, { business: 2 }),
    ]);
    const [, running] = odd;
    const seen = (await en.get(`/api/outbound/runs/${running}`)).json;
    assert.deepEqual([seen.can_cancel, seen.waiting_for.reason], [false, "old_system"]);
    const requests = [
      ["/api/outbound/stop-queue", { run_id: running }],
      [`/api/outbound_calls/jobs/${running}/cancel`, undefined],
      [`/api/outbound_calls/jobs/${running}/force-cancel`, undefined],
      [`/api/outbound/runs/${running}/resume`, undefined],
    ] as const;
    const before = (await db.$client.query("select * from outbound_call_runs where id = $1", [running])).rows;
    for (const [path, body] of requests) {
      const refused = await en.post(path, body);
      assert.deepEqual([refused.status, refused.json.code], [409, "run.legacy"], path);
      assert.match(refused.json.error, /old system/);
      assert.match((await he.post(path, body)).json.error, /למערכת הישנה/);
      assert.equal((await other.post(path, body)).status, 404, "and nobody else learns that it exists");
    }
    assert.deepEqual(
      (await db.$client.query("select * from outbound_call_runs where id = $1", [running])).rows,
      before,
    );
  });
});
