// When a lead counts as called: one of its jobs has a call at the carrier, or may have had one. In doubt it does, because
// the word is only asked for to spare people a second call. Each is about a row of outbound_call_jobs, named by its alias.
import { sql, type SQL } from "drizzle-orm";

/** A call that was found only after its job had ended is known to its attempt alone. */
export function wasCalled(alias: string): SQL {
  const j = sql.identifier(alias);
  return sql`
    (coalesce(${j}.call_sid, ${j}.twilio_call_sid) is not null or ${isLive(alias)} or ${j}.outcome = 'outcome_unknown'
     or exists (select from outbound_call_attempts a where a.job_id = ${j}.id and a.call_sid is not null))`;
}

/**
 * When, of a row for which `wasCalled` holds. Its last claim, and not its first (`started_at`): a job that had to go back to
 * the queue may be called much later.
 */
export function calledAt(alias: string): SQL {
  const j = sql.identifier(alias);
  return sql`
    coalesce(${j}.dial_started_at,
             (select max(a.begun_at) from outbound_call_attempts a where a.job_id = ${j}.id and a.call_sid is not null)::timestamp,
             ${j}.started_at, ${j}.created_at)`;
}

/** Called since that moment, or on the phone, whenever that began. */
export const calledSince = (alias: string, since: SQL): SQL =>
  sql`(${wasCalled(alias)} and (${isLive(alias)} or ${calledAt(alias)} >= ${since}))`;

const isLive = (alias: string): SQL => sql`${sql.identifier(alias)}.status in ('dialing', 'calling')`;
