// Pausing the account: faults that no other lead would escape stop all dialling on it, with a reason to show, until a
// probe call succeeds.
import { sql } from "drizzle-orm";
import { array, row, type Queryable } from "../../db/client.ts";
import { statement } from "../../db/statement.ts";

/** throttled: too many requests; carrier: the account; configuration: our numbers, URLs, rights. */
export type PauseKind = "throttled" | "carrier" | "configuration";

export interface PauseReason {
  kind: PauseKind;
  code: string;
  message: string;
}

const FIRST_PAUSE_S: Record<PauseKind, number> = { throttled: 1, carrier: 5, configuration: 5 };
const LONGEST_PAUSE_S: Record<PauseKind, number> = { throttled: 30, carrier: 300, configuration: 300 };
/** Unknown 4xx answers, or 5xx, in a row that make it the account's or the carrier's fault rather than the leads'. */
export const UNKNOWN_IN_A_ROW = 5;

/**
 * Pauses, and again after a failed probe: twice as long as before. Refusals of calls that were on their way already
 * when the pause began count once.
 * @param token of the refused attempt: claimed before the pause, it tells nothing new; a probe is claimed after
 */
export async function pauseAccount(
  on: Queryable,
  accountSid: string,
  reason: PauseReason,
  token: string | null = null,
): Promise<void> {
  const first = FIRST_PAUSE_S[reason.kind];
  const longest = LONGEST_PAUSE_S[reason.kind];
  await on.execute(sql`
    insert into outbound_carrier_accounts as a (account_sid, pause_kind, pause_code, pause_message, pause_count, paused_until)
    values (${accountSid}, ${reason.kind}, ${reason.code}, ${reason.message}, 1, clock_timestamp() + make_interval(secs => ${first}))
    on conflict (account_sid) do update
       set pause_kind = excluded.pause_kind, pause_code = excluded.pause_code, pause_message = excluded.pause_message,
           pause_count = a.pause_count + 1, unknown_errors = 0, updated_at = clock_timestamp(),
           paused_until = clock_timestamp() + make_interval(secs => least(${longest}, ${first} * power(2, least(a.pause_count, 20))))
     where a.pause_kind is null
        or a.updated_at <= coalesce((select claimed_at from outbound_call_attempts where token = ${token}), clock_timestamp())`);
}

/**
 * A caller id that the carrier refuses is the fault of the one business that shows it: what is paused is that number on
 * the account, in a row of its own, and nobody else waits.
 */
export const callerKey = (accountSid: string, from: string): string => `${accountSid} ${from}`;

/** Likewise a voice URL that one business chose. By the business, not its number: on TWILIO_FROM many share one. */
export const voiceKey = (accountSid: string, businessId: number): string => `${accountSid} voice:${businessId}`;

/** A dispatch locks its own keys first, as ownTurns takes them, and the account last: the other way round they would wait for each other. */
const LIKE_DISPATCH = sql`position(' ' in account_sid) = 0, paused_until desc nulls last`;

const clearPauses = statement<{ keys: readonly string[] }, { paused: boolean }>(
  "accounts_work",
  (v) => sql`
    with before as (
      select account_sid, pause_kind is not null as paused
        from outbound_carrier_accounts
       where account_sid = any (${v.keys}::text[]) and (pause_kind is not null or unknown_errors > 0)
       order by ${LIKE_DISPATCH}
         -- A pause that is just being stored ends here as well, and whoever waits for that must be told.
         for no key update
    )
    update outbound_carrier_accounts a
       set pause_kind = null, pause_code = null, pause_message = null, pause_count = 0, paused_until = null,
           unknown_errors = 0, updated_at = clock_timestamp()
      from before
     where a.account_sid = before.account_sid and (a.pause_kind is not null or a.unknown_errors > 0)
    returning before.paused`,
);

/**
 * A call was placed, or refused for its number alone: nothing is wrong with these (the account, a caller id or voice URL
 * on it).
 * @returns whether a pause ended by it
 */
export async function accountsWork(on: Queryable, keys: readonly string[]): Promise<boolean> {
  return (await clearPauses(on, { keys })).some(({ paused }) => paused);
}

/**
 * A probe without an answer tells nothing of what the pause is for: that goes on, and the next one waits twice as long, or
 * one after the other would take a slot for as long as nobody knows what became of it.
 * @param token of the attempt without an answer
 */
export async function pauseLonger(on: Queryable, keys: readonly string[], token: string): Promise<void> {
  const seconds = (of: Record<PauseKind, number>) =>
    sql`case pause_kind when 'throttled' then ${of.throttled}::int else ${of.carrier}::int end`;
  await on.execute(sql`
    with probed as (
      select account_sid from outbound_carrier_accounts
       where account_sid = any (${array(keys, "text")}) and pause_kind is not null
         and updated_at <= (select claimed_at from outbound_call_attempts where token = ${token})
       order by ${LIKE_DISPATCH}
         for no key update
    )
    update outbound_carrier_accounts a
       set pause_count = a.pause_count + 1, updated_at = clock_timestamp(),
           paused_until = clock_timestamp()
             + make_interval(secs => least(${seconds(LONGEST_PAUSE_S)}, ${seconds(FIRST_PAUSE_S)} * power(2, least(a.pause_count, 20))))
      from probed
     where a.account_sid = probed.account_sid`);
}

/**
 * A refusal with a code that nobody knows, or a fault of the carrier's own: the fifth in a row pauses the account, and so
 * does that of a probe.
 * @param token of the refused attempt
 * @returns whether it paused
 */
export async function unknownRefusal(
  on: Queryable,
  accountSid: string,
  code: string,
  message: string,
  token: string,
): Promise<boolean> {
  const counted = await row<{ n: number; paused: boolean }>(
    on,
    sql`insert into outbound_carrier_accounts as a (account_sid, unknown_errors) values (${accountSid}, 1)
        on conflict (account_sid) do update set unknown_errors = a.unknown_errors + 1
        returning unknown_errors as n, pause_kind is not null as paused`,
  );
  if (!counted?.paused && (counted?.n ?? 0) < UNKNOWN_IN_A_ROW) return false;
  await pauseAccount(on, accountSid, { kind: "carrier", code, message }, token);
  return true;
}
