// At the end of a row: what the carrier has seen and what the tables say. A fast wrong answer is no result.
import assert from "node:assert/strict";
import { sql } from "drizzle-orm";
import { row } from "../../../db/client.ts";
import type { Report } from "../../../src/dev/twilio/report.ts";
import type { Business } from "../../support/world/factories.ts";
import { assertInvariants } from "../../support/world/invariants.ts";
import type { Stage } from "./stage.ts";

/** Throws if a rule is broken now, whatever is still queued or live. */
export async function checkInvariants(
  stage: Pick<Stage, "db" | "carrier">,
  businesses: readonly Business[],
): Promise<void> {
  await assertInvariants({ db: stage.db, carrier: stage.carrier, businesses });
}

/**
 * Beyond that: every one of so many leads was called once, and nothing is left of their calls but their end.
 * @returns the carrier's report
 */
export async function checkAllCalled(
  stage: Pick<Stage, "db" | "carrier">,
  businesses: readonly Business[],
  leads: number,
): Promise<Report> {
  const report = await stage.carrier.waitFor((r) => r.liveNow === 0 && r.callbacks.pending === 0, 30_000);
  await checkInvariants(stage, businesses);
  const left = await row(
    stage.db,
    sql`select (select count(*)::int from outbound_call_jobs where status = 'completed') as completed,
               (select count(*)::int from outbound_call_jobs where status <> 'completed') as others,
               (select count(*)::int from outbound_call_slots) as slots,
               (select count(*)::int from outbound_call_attempts where closed_at is null) as open_attempts,
               (select count(*)::int from outbound_call_runs where status <> 'completed') as open_runs`,
  );
  assert.deepEqual(left, { completed: leads, others: 0, slots: 0, open_attempts: 0, open_runs: 0 });
  assert.equal(report.totalCreates, leads, "one request per lead");
  assert.equal(report.accepted, leads, "one call per lead");
  return report;
}
