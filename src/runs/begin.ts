// The begun mark: the last moment at which a call can still be stopped (I4). After it the POST may have been sent.
import { sql } from "drizzle-orm";
import { inTransaction, row, violatedConstraint, type Database } from "../../db/client.ts";
import type { Claim } from "./claim.ts";
import { CLAIM_FRESH_SECONDS } from "./takeBack.ts";

/**
 * begun: the POST may be sent. refused: the claim is no longer ours or its run may not dial any more. busy: another
 * attempt between the same two numbers is unsettled, and a look-up could not tell the two calls apart.
 */
export type Begun = "begun" | "refused" | "busy";

/**
 * Marks the claim's POST as begun.
 *
 * The run row is read FOR SHARE first: a guard that joins the run has an older snapshot and lets a POST through after
 * a stop that was committing (reproduced). With the lock, stop waits for us, or we see it.
 */
export async function beginAttempt(db: Database, claim: Claim): Promise<Begun> {
  try {
    return await inTransaction(db, async (tx) => {
      const run = await row<{ dialling: boolean }>(
        tx,
        sql`select status = 'running' and not cancel_requested as dialling
              from outbound_call_runs
             where id = ${claim.runId} and business_id = ${claim.businessId}
               for share`,
      );
      if (!run?.dialling) return "refused";
      const job = await row(
        tx,
        sql`select 1 from outbound_call_jobs
             where id = ${claim.jobId} and business_id = ${claim.businessId}
               and status = 'dialing' and dial_lock_token = ${claim.token}
               for no key update`,
      );
      if (!job) return "refused";
      const begun = await row(
        tx,
        sql`update outbound_call_attempts set begun_at = clock_timestamp()
             where token = ${claim.token} and begun_at is null and closed_at is null
               -- A machine that slept must not make phones ring when it wakes.
               and claimed_at > clock_timestamp() - make_interval(secs => ${CLAIM_FRESH_SECONDS})
            returning 1`,
      );
      return begun ? "begun" : "refused";
    });
  } catch (error) {
    if (violatedConstraint(error) === "unique_unsettled_attempt") return "busy";
    throw error;
  }
}
