// The begun mark: the last moment at which a call can still be stopped (I4). After it the POST may have been sent.
import { sql } from "drizzle-orm";
import type { Database } from "../../db/client.ts";
import { violatedConstraint } from "../../db/pgErrors.ts";
import { retrying } from "../../db/transaction.ts";
import { statement } from "../../db/statement.ts";
import type { Claim } from "./claim.ts";
import { CLAIM_FRESH_SECONDS } from "./takeBack.ts";

/**
 * begun: the POST may be sent. refused: the claim is no longer ours or its run may not dial any more. busy: another
 * attempt between the same two numbers is unsettled, and a look-up could not tell the two calls apart.
 */
export type Begun = "begun" | "refused" | "busy";

const markBegun = statement<Pick<Claim, "runId" | "jobId" | "businessId" | "token">, { token: string }>(
  "begin_attempt",
  (v) => sql`
    with run as (
      select id
        from outbound_call_runs
       where id = ${v.runId} and business_id = ${v.businessId} and status = 'running' and not cancel_requested
         for share
    ), job as (
      select j.id
        from outbound_call_jobs j
        join run on run.id = j.run_id
       where j.id = ${v.jobId} and j.business_id = ${v.businessId}
         and j.status = 'dialing' and j.dial_lock_token = ${v.token}
         for no key update of j
    )
    update outbound_call_attempts a
       set begun_at = clock_timestamp()
      from job
     where a.token = ${v.token} and a.job_id = job.id
       -- (Not "is null": the planner might then look through the open attempts of everybody.)
       and num_nulls(a.begun_at, a.closed_at) = 2
       -- A machine that slept must not make phones ring when it wakes.
       and a.claimed_at > clock_timestamp() - make_interval(secs => ${CLAIM_FRESH_SECONDS})
    returning a.token`,
);

/**
 * Marks the claim's POST as begun, in one statement.
 *
 * Every guard stands on a row that the statement locks, run before job before attempt: after a wait Postgres looks at a
 * locked row's newest version again, so a stop that was committing is seen. A guard that only joins the run has an older
 * snapshot and lets a POST through (reproduced).
 */
export async function beginAttempt(db: Database, claim: Claim): Promise<Begun> {
  try {
    const [begun] = await retrying(() => markBegun(db, claim));
    return begun ? "begun" : "refused";
  } catch (error) {
    if (violatedConstraint(error) === "unique_unsettled_attempt") return "busy";
    throw error;
  }
}
