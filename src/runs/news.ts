// News of a call, from whoever learns it first: the answer to the POST, a callback, a fetch. One statement moves the job
// forward, or finds nothing to move; never back, never twice. Only then somebody asks why.
import { sql } from "drizzle-orm";
import type { Database, Queryable } from "../../db/client.ts";
import { isTransient, pgCode } from "../../db/pgErrors.ts";
import { inTransaction, retrying } from "../../db/transaction.ts";
import { statement } from "../../db/statement.ts";
import type { Logger } from "../log.ts";
import { audit, type AuditEvent } from "./audit.ts";
import { recording } from "./callLog.ts";
import { endJob } from "./end.ts";
import { nobodyListens, type Reached } from "./engine.ts";
import { takeOrphan } from "./orphanCall.ts";
import { whyNot, type NewsResult } from "./notMoved.ts";
import { callStatusesBefore, isCallEnd, isCallStatus, jobStatusAtEnd, type CallStatus } from "./states.ts";

export interface CarrierNews {
  /** The attempt's token, from the URL that the carrier calls back; null when only the SID is known. */
  token: string | null;
  sid: string;
  /** Twilio's word. */
  status: string;
  /** Talk time; null until the end. */
  durationSeconds: number | null;
  from: "answer" | "callback" | "fetch";
  /** Written to the trail together with what it moves, and only then. */
  evidence?: AuditEvent;
}

type Known = CarrierNews & { status: CallStatus };

/** News that comes in between moves a job on at most this often: its statuses are fewer. */
const MOST_TRIES = 8;

/** Safe to repeat in any order. Throws only what the database throws; nothing has happened then. */
export async function applyNews(
  db: Database,
  news: CarrierNews,
  reached: Reached = nobodyListens,
  log?: Pick<Logger, "error">,
): Promise<NewsResult> {
  const { status, sid } = news;
  if (!isCallStatus(status)) return "ignored";
  let { token } = news;
  for (let tried = 0; tried < MOST_TRIES; tried++) {
    const held = token;
    const known = { ...news, status };
    if (held !== null && (await orUnlogged((logged) => move(db, held, known, reached, logged), log))) return "applied";
    const found = await inTransaction(db, (tx) => whyNot(tx, token, sid, status));
    if (typeof found === "string") return found;
    const { attempt, job } = found;
    if (job === "waits_no_more") {
      const orphaned = await orUnlogged((logged) => takeOrphan(db, attempt, known, logged), log);
      if (orphaned !== "adopted") return orphaned === "hung_up" ? "applied" : "ignored";
    }
    token = attempt.token;
  }
  throw new Error(`the news of a call found its job in another state ${MOST_TRIES} times`);
}

/**
 * A row for the CRM to read must not keep a call from being known: its slot would be held for ever, and nobody could hang up
 * one that should not be. Keys, checks, lengths and rights of `call_log` may refuse it, and a trigger of the CRM's may fail
 * with any code there is.
 * @param once all that it does, or nothing where it throws
 */
async function orUnlogged<T>(
  once: (logged: boolean) => Promise<T>,
  log: Pick<Logger, "error"> | undefined,
): Promise<T> {
  try {
    return await once(true);
  } catch (error) {
    if (isTransient(error) || pgCode(error) === undefined) throw error;
    const done = await once(false);
    if (done) log?.error({ err: error }, "news: the call has no row in call_log, whose rules refuse it");
    return done;
  }
}

/** One statement is a transaction by itself. Who listens gets one around it, so that a crash fits in before the commit. */
async function move(db: Database, token: string, news: Known, reached: Reached, logged: boolean): Promise<boolean> {
  const once = (on: Queryable) =>
    isCallEnd(news.status) ? end(on, token, news, logged) : goOn(on, token, news, logged);
  if (reached === nobodyListens && !news.evidence) return await retrying(() => once(db));
  return await inTransaction(db, async (tx) => {
    const moved = await once(tx);
    if (moved && news.evidence) await audit(tx, news.evidence);
    await reached(news.from === "answer" ? "placed.storing" : "news.applying");
    return moved;
  });
}

async function end(on: Queryable, token: string, news: Known, logged: boolean): Promise<boolean> {
  const status = jobStatusAtEnd(news.status as Parameters<typeof jobStatusAtEnd>[0]);
  const errorMessage = status === "failed" ? news.status : null;
  const ending = {
    status,
    outcome: news.status,
    errorMessage,
    errorCode: null,
    call: news,
    logged,
    lazily: news.from !== "answer",
  };
  return await endJob(on, { token }, ending, news.from === "answer" ? "queue" : "carrier");
}

interface GoingOn {
  token: string;
  sid: string;
  status: CallStatus;
  durationSeconds: number | null;
  /** The statuses that this one may follow. */
  earlier: CallStatus[];
  detail: string;
  logged: boolean;
}

const moveHeld = statement<GoingOn, { moved: true }>(
  "call_goes_on",
  (v) => sql`
    with attempt as materialized (
      select job_id, run_id, business_id, from_number, to_number from outbound_call_attempts where token = ${v.token}
    ), held as (
      select j.id, j.business_id, j.lead_id, j.project_id, j.lead_name, j.status
        from outbound_call_jobs j
        join attempt on j.id = attempt.job_id and j.business_id = attempt.business_id
       where j.dial_lock_token = ${v.token} and j.status in ('dialing', 'calling')
         and (j.call_sid is null or j.call_sid = ${v.sid})
         and (j.call_sid is null or j.call_status is null or j.call_status = any (${v.earlier}::text[]))
         for no key update of j
    ), logged as (
      ${recording(v, sql`held, attempt where ${v.logged}::boolean`)}
    ), moved as (
      update outbound_call_jobs j
         set status = 'calling', call_status = ${v.status}, call_sid = ${v.sid}, twilio_call_sid = ${v.sid},
             call_log_id = coalesce(j.call_log_id, (select id from logged))
        from held
       where j.id = held.id
      returning j.id
    ), settled as (
      update outbound_call_attempts a
         set call_sid = ${v.sid}, settled_at = coalesce(a.settled_at, clock_timestamp()), news_at = clock_timestamp(), result = 'placed',
             -- Look-ups that missed the call say nothing about whether the carrier knows its SID.
             clean_lookups = case when a.call_sid is null then 0 else a.clean_lookups end
        from moved
       where a.token = ${v.token}
    ), noted as (
      insert into outbound_run_events (run_id, business_id, job_id, kind, actor, detail)
      select attempt.run_id, attempt.business_id, held.id, 'job.calling', 'queue',
             ${v.detail}::jsonb
        from held, attempt
       where held.status = 'dialing'
    )
    select case when held.status = 'dialing' then ringpost.end_calls_if_stopped(attempt.run_id, attempt.business_id) end as end_calls,
           -- That a known call rings now or is answered need not wait for the disk: lost with the server, it is learned again
           -- from the next callback or a fetch. Its SID does.
           case when held.status = 'calling' then set_config('synchronous_commit', 'off', true) end as lazily
      from held
      join moved on moved.id = held.id
      join attempt on true`,
);

/**
 * The call goes on, and its job with it; the first news also makes its SID known. A call that becomes known only after its
 * run was stopped gets what stop did with the others. Stop locks the job's row, so it has committed before this statement
 * gets the job's lock, and is seen by the function's own, younger snapshot; or it waits, and then finds the call.
 * @returns whether anything moved
 */
async function goOn(on: Queryable, token: string, news: Known, logged: boolean): Promise<boolean> {
  const { status, sid, durationSeconds } = news;
  const detail = JSON.stringify({ call_sid: sid, learned_from: news.from });
  const earlier = callStatusesBefore(status);
  return (await moveHeld(on, { token, sid, status, durationSeconds, earlier, detail, logged })).length > 0;
}
