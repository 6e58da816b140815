// Stop and force-cancel: the run ends in this request, works with every worker dead, and once it has answered no
// further call of the run reaches the carrier (I4). Neither hangs up a live call unless asked to.
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { row, type Tx } from "../../db/client.ts";
import { through, type Door } from "../../db/door.ts";
import { lockBusiness } from "../../db/locks.ts";
import { audit } from "./audit.ts";
import { cancelUnbegun } from "./cancelUnbegun.ts";
import type { Reached } from "./engine.ts";
import { closeRun, forgetActiveNumbers } from "./closeRun.ts";
import { requireRun } from "./rows.ts";
import { OPEN_RUN } from "./states.ts";
import { wakeEndCalls, wakeIfWaiting } from "./wake.ts";

/** How long a POST that has begun can still be on its way to the carrier, in all. */
export interface FlightTime {
  postStartBudgetMs: number;
  postTimeoutMs: number;
}

export interface Stopped {
  /** False: the run had ended already. */
  stopped: boolean;
  cancelledJobs: number;
}

/** On top of both budgets: the database's clock and the worker's need not agree to the millisecond. */
const FLIGHT_MARGIN_MS = 500;
const SETTLE_POLL_MS = 20;

/** @throws CodedError run.not_found, run.legacy */
export async function stopRun(
  door: Door,
  runId: number,
  options: { hangUp: boolean; flight: FlightTime; reached?: Reached },
): Promise<Stopped> {
  const ended = await endAtOnce(door, runId, {
    status: "stopped",
    message: "Queue stopped by user",
    hangUp: options.hangUp,
  });
  await options.reached?.("stop.committed");
  await afterFlights(door, runId, options.flight, ended.now || options.hangUp ? { hangUp: options.hangUp } : null);
  return { stopped: ended.now, cancelledJobs: ended.cancelledJobs };
}

/** @throws CodedError run.not_found, run.legacy */
export async function forceCancelRun(
  door: Door,
  runId: number,
  options: { flight: FlightTime; reached?: Reached },
): Promise<{ cancelled: boolean; cancelledJobs: number }> {
  const ended = await endAtOnce(door, runId, { status: "cancelled", message: "Cancelled by user", hangUp: false });
  await options.reached?.("stop.committed");
  await afterFlights(door, runId, options.flight, ended.now ? { hangUp: false } : null);
  return { cancelled: ended.now, cancelledJobs: ended.cancelledJobs };
}

interface Ending {
  status: "stopped" | "cancelled";
  message: "Queue stopped by user" | "Cancelled by user";
  hangUp: boolean;
}

async function endAtOnce(door: Door, runId: number, ending: Ending): Promise<{ now: boolean; cancelledJobs: number }> {
  return await through(door, async (tx, businessId) => {
    await lockBusiness(tx, businessId);
    const run = await requireRun(tx, businessId, runId);
    const open = OPEN_RUN.includes(run.status);
    // A failed run keeps its status, but nobody may resume what a person has stopped: its queued jobs end.
    if (!open && run.status !== "failed") {
      if (ending.hangUp) await rememberHangUp(tx, businessId, runId);
      return { now: false, cancelledJobs: 0 };
    }
    // The flag first: when the last job ends in the next step, count() must not call the run completed.
    await tx.execute(
      sql`update outbound_call_runs set cancel_requested = true, hang_up = hang_up or ${ending.hangUp} where id = ${runId} and business_id = ${businessId}`,
    );
    if (open) await closeRun(tx, businessId, runId, ending.status);
    const { cancelled } = await cancelUnbegun(
      tx,
      businessId,
      { ...run, status: open ? ending.status : run.status },
      ending.message,
    );
    await lockLiveJobs(tx, businessId, runId);
    await forgetActiveNumbers(tx, businessId, runId);
    const kind = open ? `run.${ending.status}` : "run.queue_cancelled";
    await audit(tx, {
      runId,
      businessId,
      kind,
      actor: door.actor,
      detail: { cancelled_jobs: cancelled, hang_up: ending.hangUp },
    });
    await wakeIfWaiting(tx, businessId);
    await wakeEndCalls(tx, runId, ending.hangUp);
    return { now: open, cancelledJobs: cancelled };
  });
}

/**
 * News that makes a call known locks its job: either it has committed, and the first look at the carrier's calls finds that
 * one, or it waits for the stop to commit, sees it, and ends the call itself.
 */
async function lockLiveJobs(tx: Tx, businessId: number, runId: number): Promise<void> {
  await tx.execute(sql`
    select 1 from outbound_call_jobs
     where run_id = ${runId} and business_id = ${businessId} and status in ('dialing', 'calling')
     order by id
       for no key update`);
}

/** The run had ended already, with calls that somebody now wants to end. */
async function rememberHangUp(tx: Tx, businessId: number, runId: number): Promise<void> {
  await tx.execute(
    sql`update outbound_call_runs set hang_up = true where id = ${runId} and business_id = ${businessId}`,
  );
  await wakeEndCalls(tx, runId, true);
}

/**
 * Waits for what is on its way, then looks for calls to end once more: a POST that had begun may have made one that
 * nobody could end before. Always, because it may also have landed between the stop and the first look.
 */
async function afterFlights(
  door: Door,
  runId: number,
  flight: FlightTime,
  endCalls: { hangUp: boolean } | null,
): Promise<void> {
  await flightsLanded(door, runId, flight);
  if (endCalls) await through(door, (tx) => wakeEndCalls(tx, runId, endCalls.hangUp));
}

/**
 * Waits until no POST of the run can still be on its way: each has an answer, or both its budgets have passed. What is
 * ambiguous has none: a reset, or a gateway's 5xx, may come while the carrier is still making the call. Each was marked before
 * the stop committed, so the budgets also count from here, by a clock that never jumps.
 */
async function flightsLanded(door: Door, runId: number, flight: FlightTime): Promise<void> {
  const longestMs = flight.postStartBudgetMs + flight.postTimeoutMs + FLIGHT_MARGIN_MS;
  const latest = performance.now() + longestMs;
  while (performance.now() < latest) {
    const flying = await through(door, (tx, businessId) =>
      row(
        tx,
        sql`select 1 from outbound_call_attempts
             where run_id = ${runId} and business_id = ${businessId} and closed_at is null
               and begun_at > clock_timestamp() - make_interval(secs => ${longestMs / 1000})
               and (settled_at is null or result = 'ambiguous')
             limit 1`,
      ),
    );
    if (!flying) return;
    await sleep(SETTLE_POLL_MS);
  }
}
