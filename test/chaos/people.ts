// The people in the fault drill: they start runs over REST, stop and cancel some, and resume what the TTL has failed.
// When the API does not answer they ask again, as people do.
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { row, rows } from "../../db/client.ts";
import { openDoor } from "../../db/door.ts";
import { resumeRun } from "../../src/runs/resume.ts";
import type { RunStatus } from "../../src/runs/states.ts";
import type { PlannedRun } from "./plan.ts";
import { insertLeads, type Stage } from "./stage.ts";

export interface StartedRun {
  runId: number;
  plan: PlannedRun;
  numbers: string[];
  leadIds: number[];
}

/** Between two attempts of a person whose request failed. */
const AGAIN_MS = 150;
/** A person who still gets no answer after this is a finding. */
const PATIENCE_MS = 60_000;
/** Longer than a stop may take, shorter than a frozen API's patience. */
const REQUEST_MS = 8_000;

export class People {
  readonly #stage: Stage;
  readonly runs: StartedRun[] = [];
  resumed = 0;
  stopped = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async start(plan: PlannedRun): Promise<StartedRun> {
    const { db, carrier, businesses } = this.#stage;
    const business = businesses[plan.business]!;
    const [leadIds, numbers] = await this.#insist(() => insertLeads(db, business.id, plan.leads));
    await carrier.group(`run of ${numbers[0]}`, numbers);
    const body = { lead_ids: leadIds, concurrency: plan.concurrency };
    const runId = await this.#insist(async () => {
      // An answer may have been lost: the run is there then, and asking again finds nobody left to call.
      const found = await row<{ id: number }>(
        db,
        sql`select run_id as id from outbound_call_jobs where lead_id = ${leadIds[0]}`,
      );
      if (found) return found.id;
      const answer = await this.#post(business.token, "/api/outbound/bulk-enqueue", body);
      return answer["run_id"] as number;
    });
    const run = { runId, plan, numbers, leadIds };
    this.runs.push(run);
    return run;
  }

  /** Ends the run as planned, once; for the endings that promise it, the observer holds us to "no further call". */
  async end(run: StartedRun): Promise<void> {
    const { carrier, businesses } = this.#stage;
    const { token } = businesses[run.plan.business]!;
    const how = run.plan.ending?.how;
    const { runId } = run;
    if (how === "cancel")
      return void (await this.#insist(() => this.#post(token, `/api/outbound_calls/jobs/${runId}/cancel`, {}, [400])));
    const stop =
      how === "forceCancel"
        ? () => this.#post(token, `/api/outbound_calls/jobs/${runId}/force-cancel`, {})
        : () => this.#post(token, "/api/outbound/stop-queue", { run_id: runId, hang_up: how === "hangUp" });
    await this.#insist(stop);
    await carrier.mark(`after the end of run ${runId}`, { tos: run.numbers });
    this.stopped++;
  }

  /** Whoever sees a failed run presses resume. */
  async resumeFailed(): Promise<void> {
    const { db } = this.#stage;
    const failed = await rows<{ id: number; businessId: number }>(
      db,
      sql`select id, business_id as "businessId" from outbound_call_runs where status = 'failed'
             and not cancel_requested`,
    );
    for (const { id, businessId } of failed) {
      await resumeRun(openDoor(db, { businessId, actor: "user:1", userId: 1 }), id);
      this.resumed++;
    }
  }

  async progress(): Promise<Map<number, { status: RunStatus; ended: number; total: number }>> {
    const found = await rows<{ id: number; status: RunStatus; ended: number; total: number }>(
      this.#stage.db,
      sql`select id, status, cursor_position as ended, total_leads as total from outbound_call_runs`,
    );
    return new Map(found.map((run) => [run.id, run]));
  }

  async #post(token: string, path: string, body: object, alsoFine: number[] = []): Promise<Record<string, unknown>> {
    const response = await fetch(this.#stage.apiUrl + path, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    if (!response.ok && !alsoFine.includes(response.status))
      throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as Record<string, unknown>;
  }

  async #insist<T>(ask: () => Promise<T>): Promise<T> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (performance.now() > until) throw error;
        await sleep(AGAIN_MS);
      }
    }
  }
}
