// A business with something of everything that a request can name.
import { sql } from "drizzle-orm";
import type { Database } from "../../../db/client.ts";
import { aBusiness, aJob, aLead, aList, anEvent, aRun } from "../rows.ts";

export interface Shop {
  id: number;
  /** Not imported, and never called. */
  leads: number[];
  /** Imported, and never called. */
  spare: number;
  /** Imported, and waiting in the pending run. */
  called: number;
  list: number;
  pending: number;
  failed: number;
  ended: number;
  /** Before it got to its one lead. */
  stopped: number;
}

let numbers = 2_000_000;
const phone = () => `+97250${++numbers}`;

export async function aShop(db: Database): Promise<Shop> {
  const { id } = await aBusiness(db, { phoneNumber: "+97231234567" });
  const list = (await aList(db, id)).id;
  const aNewLead = async (values = {}) => (await aLead(db, id, { phoneE164: phone(), ...values })).id;
  const imported = { source: "imported_outbound", outboundListId: list };
  const called = await aNewLead(imported);
  const at = new Date();
  const over = { startedAt: at, endedAt: at, completedAt: at };
  const pending = await aRun(db, id);
  await aJob(db, pending, { leadId: called });
  await anEvent(db, pending, "run.created");
  const failed = await aRun(db, id, { status: "failed", lastError: "Worker timeout", ...over });
  await aJob(db, failed, { toNumber: phone() });
  const counts = { queuedCount: 0, completedCount: 1, cursorPosition: 1 };
  const ended = await aRun(db, id, { status: "completed", ...counts, ...over });
  await db.execute(sql`
    insert into call_log (business_id, lead_id, call_sid, direction, to_number, call_status, duration)
    values (${id}, ${called}, ${`CA${id}`}, 'outbound', '+972501234567', 'completed', 3)`);
  const none = { queuedCount: 0, cancelledCount: 1, cursorPosition: 1 };
  const stopped = await aRun(db, id, { status: "stopped", cancelRequested: true, ...none, ...over });
  await aJob(db, stopped, { leadId: await aNewLead(), status: "cancelled", outcome: "cancelled", completedAt: at });
  const leads = [await aNewLead(), await aNewLead(), await aNewLead(), await aNewLead()];
  const spare = await aNewLead(imported);
  return {
    id,
    leads,
    spare,
    called,
    list,
    pending: pending.id,
    failed: failed.id,
    ended: ended.id,
    stopped: stopped.id,
  };
}

type Change = (db: Database, shop: Shop) => Promise<unknown>;

export const callsOff: Change = (db, { id }) =>
  db.execute(sql`update business set calls_enabled = false where id = ${id}`);

export const nothingActive: Change = (db, { id }) =>
  db.execute(sql`
    update outbound_call_runs set status = 'stopped', started_at = now(), ended_at = now(), completed_at = now()
     where business_id = ${id} and status = 'pending'`);

export const badNumber: Change = (db, { leads }) =>
  db.execute(sql`update leads set phone_e164 = '12' where id = ${leads[0]}`);

/** As if a worker placed each call as soon as it is enqueued. */
export const placing: Change = async (db, { id }) => {
  await db.execute(sql`
    create or replace function place() returns trigger language plpgsql as $$
    begin
      new.status = 'calling'; new.call_sid = 'CAx' || new.id; new.twilio_call_sid = new.call_sid;
      new.dial_lock_token = 't'; new.dial_started_at = now();
      return new;
    end $$`);
  await db.execute(
    sql.raw(`create trigger place_${id} before insert on outbound_call_jobs
               for each row when (new.business_id = ${id}) execute function place()`),
  );
};
