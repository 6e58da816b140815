// Writes what was decided about a run's jobs: states and numbers in one statement, and for calls that may be under way
// the slot and the attempt by which reconcile settles them.
import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { array, type Tx } from "../../db/client.ts";
import { utcNow } from "../runs/rows.ts";
import type { Move } from "./decide.ts";

/** Rows per statement. */
const SLICE = 5_000;

interface At {
  runId: number;
  businessId: number;
  /** Whether waiting numbers count as active: only in a run that is still open. */
  open: boolean;
}

export async function applyMoves(tx: Tx, at: At, moves: readonly Move[]): Promise<void> {
  for (let from = 0; from < moves.length; from += SLICE) await update(tx, at, moves.slice(from, from + SLICE));
  const live = moves.filter((move) => move.to === "live");
  if (live.length > 0) await keepCalls(tx, at, live);
}

async function update(tx: Tx, { runId, businessId, open }: At, moves: readonly Move[]): Promise<void> {
  const text = (read: (move: Move) => string | null) => array(moves.map(read), "text");
  await tx.execute(sql`
    update outbound_call_jobs j
       set status = case m.to when 'live' then 'calling' else m.to end,
           to_number = case when m.to in ('queued', 'live') then coalesce(m.number, left(l.phone_e164, 32), 'unknown') else to_number end,
           active_number = case when m.to = 'queued' and ${open} then m.number end,
           outcome = case when m.to = 'cancelled' then 'cancelled' else m.outcome end,
           error_code = coalesce(m.code, error_code), error_message = coalesce(m.message, error_message),
           call_sid = coalesce(call_sid, twilio_call_sid), twilio_call_sid = coalesce(call_sid, twilio_call_sid),
           dial_lock_token = coalesce(m.token, dial_lock_token),
           dial_started_at = case m.to when 'live' then coalesce(dial_started_at, j.started_at, j.created_at, ${utcNow}) else dial_started_at end,
           completed_at = case when m.to in ('failed', 'cancelled') then coalesce(completed_at, ${utcNow}) end
      from unnest(${array(
        moves.map((m) => m.id),
        "int",
      )}, ${text((m) => m.to)}, ${text((m) => ("number" in m ? m.number : null))},
                  ${text((m) => ("outcome" in m ? m.outcome : null))}, ${text((m) => ("code" in m ? m.code : null))},
                  ${text((m) => ("message" in m ? m.message : null))}, ${text((m) => (m.to === "live" ? randomUUID() : null))}) as m (id, "to", number, outcome, code, message, token),
           leads l
     where j.id = m.id and j.run_id = ${runId} and j.business_id = ${businessId} and l.id = j.lead_id`);
}

/** Begun as of now: reconcile asks the less often the longer ago that is, and this is the first time that it may ask. */
async function keepCalls(tx: Tx, { runId, businessId }: At, live: readonly Move[]): Promise<void> {
  await tx.execute(sql`
    with live as (
      select j.id, j.dial_lock_token as token, j.to_number, j.call_sid, j.dial_started_at at time zone 'UTC' as at, j.call_log_id
        from outbound_call_jobs j
       where j.id = any (${array(
         live.map((m) => m.id),
         "int",
       )}) and j.run_id = ${runId} and j.business_id = ${businessId}
    ), slotted as (
      insert into outbound_call_slots (business_id, slot_no, job_id, run_id, token, expires_at)
      select ${businessId}, row_number() over (order by id) + coalesce((select max(slot_no) from outbound_call_slots where business_id = ${businessId}), 0),
             id, ${runId}, token, clock_timestamp()
        from live
    )
    insert into outbound_call_attempts (token, job_id, run_id, business_id, worker_id, from_number, to_number, claimed_at, begun_at,
                                        settled_at, call_sid, result)
    select live.token, live.id, ${runId}, ${businessId}, gen_random_uuid(), coalesce(left(c.from_number, 32), 'unknown'), live.to_number,
           live.at, clock_timestamp(), clock_timestamp(), live.call_sid, 'placed'
      from live left join call_log c on c.id = live.call_log_id`);
}
