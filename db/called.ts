// When a lead counts as called: one of its jobs has a call at the carrier, or may have had one. In doubt it does, because
// the word is only asked for to spare people a second call.
import { sql } from "drizzle-orm";

/** Of the row `j` of outbound_call_jobs. A call that was found only after its job had ended is known to its attempt alone. */
export const wasCalled = sql.raw(`
  (coalesce(j.call_sid, j.twilio_call_sid) is not null or j.status in ('dialing', 'calling') or j.outcome = 'outcome_unknown'
   or exists (select from outbound_call_attempts a where a.job_id = j.id and a.call_sid is not null))`);

/** When, of a row for which `wasCalled` holds. */
export const calledAt = sql.raw("coalesce(j.started_at, j.created_at)");
