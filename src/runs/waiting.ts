// Why is nothing dialling? What a run waits for, read in one transaction, never guessed.
import { sql } from "drizzle-orm";
import { row, type Tx } from "../../db/client.ts";
import { through, type Door } from "../../db/door.ts";
import { callerKey, voiceKey } from "../dialling/pause.ts";
import { callerIdOf } from "./callerId.ts";
import type { Limits } from "./engine.ts";
import { fullSlots, heldSlots, iso, unknownAmong, type SlotReason, type Slots } from "./heldSlots.ts";

export type Waiting =
  /** Until the cut-over its leads are the old system's to call. */
  | { reason: "old_system" }
  /** No worker is alive: nobody will dial until one starts. */
  | { reason: "worker"; last_heartbeat: string | null }
  /** The business may not call, or has no number to call from, or the carrier refuses our settings. */
  | {
      reason: "configuration";
      code: "business.calls_disabled" | "business.no_caller_id" | "carrier.configuration";
      detail: string | null;
      until: string | null;
    }
  /** The carrier refuses the account, or asks for patience. */
  | { reason: "carrier"; code: string; detail: string | null; until: string | null }
  | SlotReason
  /** The account's calls per second. */
  | { reason: "pacing"; until: string | null };

export interface WaitingFacts {
  limits: Pick<Limits, "maxCallsPerBusiness" | "adoptAfterMs" | "postStartBudgetMs" | "postTimeoutMs">;
  /** Undefined: no carrier configured here; its pauses and pace are not looked at. */
  accountSid: string | undefined;
  callerId: string | undefined;
}

/** Asked of open runs. Null: nothing is in the way, or nothing is left to dial. */
export async function waitingFor(door: Door, runId: number, facts: WaitingFacts): Promise<Waiting | null> {
  return await through(door, async (tx, businessId) => {
    const run = await row<{ id: number; queued: number; inProgress: number; concurrency: number; ours: boolean }>(
      tx,
      sql`select id, queued_count as queued, in_progress_count as "inProgress", concurrency, engine = 'ringpost' as ours
            from outbound_call_runs
           where id = ${runId} and business_id = ${businessId} and (status in ('pending', 'running') or engine <> 'ringpost')`,
    );
    if (!run) return null;
    if (!run.ours) return { reason: "old_system" };
    const slots = await heldSlots(tx, businessId, facts.limits);
    if (run.queued === 0) return await lastCalls(tx, slots, runId, facts);
    const full = fullSlots(slots, run);
    return (
      (await deadWorkers(tx, facts)) ??
      (await badConfiguration(tx, businessId, facts)) ??
      (await pausedAccount(tx, full, facts)) ??
      full ??
      (await slowAccount(tx, facts))
    );
  });
}

/** Nobody is left to dial; but calls that have no SID yet need a worker, and those without an answer may take their time. */
async function lastCalls(tx: Tx, slots: Slots, runId: number, facts: WaitingFacts): Promise<Waiting | null> {
  const own = slots.holders.filter(({ run_id }) => run_id === runId);
  if (!own.some(({ dialing }) => dialing > 0)) return null;
  return (await deadWorkers(tx, facts)) ?? unknownAmong(own);
}

async function deadWorkers(tx: Tx, facts: WaitingFacts): Promise<Waiting | null> {
  const found = await row<{ alive: boolean; last: string | null }>(
    tx,
    sql`select coalesce(bool_or(stopped_at is null
                                and heartbeat_at > clock_timestamp() - make_interval(secs => ${facts.limits.adoptAfterMs / 1000})), false) as alive,
               ${iso(sql`max(heartbeat_at)`)} as last
          from outbound_workers`,
  );
  return found?.alive ? null : { reason: "worker", last_heartbeat: found?.last ?? null };
}

interface BusinessSettings {
  enabled: boolean;
  callerId: string | null;
  phone: string | null;
  voiceUrl: string | null;
}

async function badConfiguration(tx: Tx, businessId: number, facts: WaitingFacts): Promise<Waiting | null> {
  const business = await row<BusinessSettings>(
    tx,
    sql`select coalesce(b.is_active, true) and coalesce(b.calls_enabled, true) as enabled, s.caller_id as "callerId", b.phone_number as phone,
               s.voice_url as "voiceUrl"
          from business b left join outbound_business_settings s on s.business_id = b.id
         where b.id = ${businessId}`,
  );
  const none = { reason: "configuration", detail: null, until: null } as const;
  if (!business?.enabled) return { ...none, code: "business.calls_disabled" };
  const from = callerIdOf(business.callerId, business.phone, facts.callerId);
  if (!from) return { ...none, code: "business.no_caller_id" };
  if (!facts.accountSid) return null;
  const code = "carrier.configuration";
  const number = await pauseOf(tx, callerKey(facts.accountSid, from));
  if (number) return { reason: "configuration", code, detail: number.detail, until: number.until };
  const voice = business.voiceUrl && (await pauseOf(tx, voiceKey(facts.accountSid, businessId)));
  // Not the carrier's words: they quote the URL with the attempt's token.
  return voice ? { reason: "configuration", code, detail: business.voiceUrl, until: voice.until } : null;
}

/**
 * The account's pause; not the carrier's words for it, which may be about another business's number. When it is over, a
 * call has to try, and that needs a slot.
 */
async function pausedAccount(tx: Tx, full: Waiting | null, facts: WaitingFacts): Promise<Waiting | null> {
  const paused = facts.accountSid && (await pauseOf(tx, facts.accountSid));
  if (!paused) return null;
  const { until } = paused;
  if (until === null && full) return full;
  if (paused.kind === "configuration")
    return { reason: "configuration", code: "carrier.configuration", detail: null, until };
  return { reason: "carrier", code: paused.code ?? paused.kind, detail: null, until };
}

interface Pause {
  kind: string;
  code: string | null;
  detail: string | null;
  /** Null: it is over, and the next call tries. */
  until: string | null;
}

async function pauseOf(tx: Tx, key: string): Promise<Pause | undefined> {
  return await row<Pause>(
    tx,
    sql`select pause_kind as kind, pause_code as code, pause_message as detail,
               case when paused_until > clock_timestamp() then ${iso(sql`paused_until`)} end as until
          from outbound_carrier_accounts
         where account_sid = ${key} and pause_kind is not null`,
  );
}

async function slowAccount(tx: Tx, facts: WaitingFacts): Promise<Waiting | null> {
  if (!facts.accountSid) return null;
  const busy = await row<{ until: string | null }>(
    tx,
    sql`select ${iso(sql`next_turn_at`)} as until from outbound_carrier_accounts
         where account_sid = ${facts.accountSid} and next_turn_at > clock_timestamp()`,
  );
  return busy ? { reason: "pacing", until: busy.until } : null;
}
