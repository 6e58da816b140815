// The account's call budget: one row per Twilio account (and one per caller id or voice URL that was paused), shared by all workers.
// Twilio queues calls beyond its rate for up to a day instead of refusing them, so calls that we do not pace ourselves
// cannot be stopped.
import { sql } from "drizzle-orm";
import { array, row, type Tx } from "../../db/client.ts";
import { statement } from "../../db/statement.ts";

export interface Turns {
  /** How many calls may be claimed now. */
  granted: number;
  /** Until the first of them may start. */
  waitMs: number;
  /** Between two of them. */
  intervalMs: number;
  /** When asking again makes sense, and for what: all who wait for the same stand in one line. Null: nothing to wait for. */
  again: { inMs: number; key: string } | null;
}

/** Turns that nobody has to wait for. */
export const atOnce = (granted: number): Turns => ({ granted, waitMs: 0, intervalMs: 0, again: null });

/** Claims may wait this long for their turn: longer, and slots would be held by calls that are not made. */
export const HORIZON_MS = 1_000;
/** While one probe call is out on a paused account, everybody else asks again after this, at the soonest. */
const SHORTEST_PROBE_GAP_MS = 5_000;

/** The most that a pause lasts: a clock that jumps back must not make it longer. */
const LONGEST_PAUSE_MS = 301_000;

/** So long that the probe has an answer, or is known to have none: else the next one would go out beside it. */
export const probeGapMs = (limits: { postStartBudgetMs: number; postTimeoutMs: number }): number =>
  Math.min(
    LONGEST_PAUSE_MS - 1_000,
    Math.max(SHORTEST_PROBE_GAP_MS, HORIZON_MS + limits.postStartBudgetMs + limits.postTimeoutMs),
  );

const pauseOver = sql`
  (paused_until is null or paused_until <= clock_timestamp()
   or paused_until > clock_timestamp() + make_interval(secs => ${LONGEST_PAUSE_MS / 1000}))`;

interface Account {
  waitMs: number;
  paused: boolean;
  pausedMs: number;
}

/**
 * Reserves up to `wanted` turns in the caller's transaction. On a paused account it grants none until the pause is
 * over, and then a single probe.
 * @param gapMs for the probe: see probeGapMs
 */
export async function reserveTurns(
  tx: Tx,
  accountSid: string,
  perSecond: number,
  wanted: number,
  gapMs: number,
): Promise<Turns> {
  const paced = Number.isFinite(perSecond);
  const now = await readAccount(tx, accountSid, paced);
  const intervalMs = paced ? 1000 / perSecond : 0;
  // Further ahead than anybody reserves: the clock has jumped back, and must not stop the account for hours.
  const furthestMs = HORIZON_MS + intervalMs;
  const waitMs = Math.min(now.waitMs, furthestMs);
  const none = (inMs: number): Turns => ({ ...atOnce(0), again: { inMs, key: accountSid } });
  if (now.paused && now.pausedMs > 0) return none(now.pausedMs);
  if (!paced && !now.paused) return atOnce(wanted);
  const fitting = waitMs > HORIZON_MS ? 0 : paced ? Math.floor((HORIZON_MS - waitMs) / intervalMs) + 1 : wanted;
  // Last of all, so that no probe is spent without a turn for it.
  if (now.paused && Math.min(wanted, fitting) > 0 && !(await takeProbe(tx, accountSid, gapMs))) return none(gapMs);
  const granted = Math.min(wanted, fitting, now.paused ? 1 : Infinity);
  const inMs = Math.max(50, waitMs + granted * intervalMs - HORIZON_MS);
  if (granted > 0 && paced) {
    await tx.execute(sql`
      update outbound_carrier_accounts
         set next_turn_at = greatest(clock_timestamp(),
                                     least(next_turn_at, clock_timestamp() + make_interval(secs => ${furthestMs / 1000})))
                            + make_interval(secs => ${(granted * intervalMs) / 1000})
       where account_sid = ${accountSid}`);
  }
  return { granted, waitMs, intervalMs, again: granted < wanted ? { inMs, key: accountSid } : null };
}

const pausedAmong = statement<{ keys: readonly string[] }, { key: string }>(
  "paused_accounts",
  (v) => sql`
    select account_sid as key from outbound_carrier_accounts
     where account_sid = any (${v.keys}::text[]) and pause_kind is not null
     order by paused_until desc nulls last`,
);

const somethingPaused = statement<object, { paused: true }>(
  "something_paused",
  () => sql`select true as paused from outbound_carrier_accounts where pause_kind is not null limit 1`,
);

/** Whether anything at all is paused, or its pause waits for a probe: hardly ever. */
export async function anythingPaused(tx: Tx): Promise<boolean> {
  return (await somethingPaused(tx, {})).length > 0;
}

export interface OwnTurns extends Turns {
  /** Whose probe was taken, in this transaction. */
  probed: readonly string[];
}

/**
 * What a business's own settings (a caller id, a voice URL) allow: not paced, but each perhaps paused, and then with a
 * probe of its own.
 */
export async function ownTurns(tx: Tx, keys: readonly string[], wanted: number, gapMs: number): Promise<OwnTurns> {
  let turns = atOnce(wanted);
  const probed: string[] = [];
  for (const { key } of await pausedAmong(tx, { keys })) {
    turns = await reserveTurns(tx, key, Infinity, turns.granted, gapMs);
    if (turns.granted === 0) break;
    probed.push(key);
  }
  return { ...turns, probed };
}

/**
 * Gives back the probes that `ownTurns` has just taken in this transaction, for which there was no turn after all: spent
 * without a call, they would keep the business waiting for as long as others use up the account's turns.
 */
export async function giveBackProbes(tx: Tx, { probed }: OwnTurns): Promise<void> {
  if (probed.length === 0) return;
  await tx.execute(sql`
    update outbound_carrier_accounts set paused_until = clock_timestamp()
     where account_sid = any (${array(probed, "text")}) and pause_kind is not null`);
}

/** Locks the row only where turns are counted: an unpaced account would serialise all businesses for nothing. */
async function readAccount(tx: Tx, accountSid: string, lock: boolean): Promise<Account> {
  const read = sql`
    select greatest(0, extract(epoch from greatest(next_turn_at, clock_timestamp()) - clock_timestamp()) * 1000)::float8 as "waitMs",
           pause_kind is not null as paused,
           case when ${pauseOver} then 0 else extract(epoch from paused_until - clock_timestamp()) * 1000 end::float8 as "pausedMs"
      from outbound_carrier_accounts
     where account_sid = ${accountSid}`;
  const found = await row<Account>(tx, lock ? sql`${read} for no key update` : read);
  if (found) return found;
  await tx.execute(
    sql`insert into outbound_carrier_accounts (account_sid) values (${accountSid}) on conflict do nothing`,
  );
  return await readAccount(tx, accountSid, lock);
}

/** One caller wins the probe and moves the pause on, so that nobody else tries until its answer is known. */
async function takeProbe(tx: Tx, accountSid: string, gapMs: number): Promise<boolean> {
  const won = await row(
    tx,
    sql`update outbound_carrier_accounts
           set paused_until = clock_timestamp() + make_interval(secs => ${gapMs / 1000})
         where account_sid = ${accountSid} and pause_kind is not null and ${pauseOver}
        returning 1`,
  );
  return won !== undefined;
}
