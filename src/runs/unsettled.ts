// Attempts that have begun and whose call is not known: a lost answer, a crash between mark and answer. The carrier is
// asked for calls between the two numbers since the mark.
import { sql } from "drizzle-orm";
import { row, rows } from "../../db/client.ts";
import { inTransaction } from "../../db/transaction.ts";
import { lockBusiness } from "../../db/locks.ts";
import type { CarrierCall } from "../dialling/dialler.ts";
import { endJob, type Held } from "./end.ts";
import { nobodyListens, type Engine } from "./engine.ts";
import { applyNews } from "./news.ts";
import { requeueJob } from "./requeue.ts";
import { lockJob, lockRun } from "./rows.ts";

export interface LookedUp {
  /** Calls found at the carrier and given to their jobs. */
  found: number;
  /** Attempts proven never placed: their jobs go back to the queue once, then fail. */
  notPlaced: number;
  /** Asked, and not decided yet. */
  undecided: number;
}

type Deps = Pick<Engine, "db" | "log" | "dialler" | "limits">;

interface Unsettled extends Held {
  from: string;
  to: string;
  begunAtMs: number;
  /** SETTLE is over: the carrier's list, which lags, must show the call by now if there is one. */
  settled: boolean;
  /** When it was taken, as Postgres writes it. */
  takenAt: string;
  /** By how much Postgres' clock, which dates the mark, is ahead of this process's. */
  clockAheadMs: number;
}

/** Look-ups per pass: they count against the account's requests too. */
const BATCH = 20;
/** A POST cannot be on its way for longer than its two budgets; a little more, and its worker must have an answer. */
const FLIGHT_MARGIN_MS = 500;
/** Clean look-ups, the last one after SETTLE, that prove a call was never placed. */
const CLEAN_LOOKUPS = 2;

export async function lookUpUnsettled(deps: Deps): Promise<LookedUp> {
  const result = { found: 0, notPlaced: 0, undecided: 0 };
  for (const attempt of await takeBatch(deps)) {
    const verdict = await lookUp(deps, attempt).catch((error: unknown) => {
      deps.log.warn({ err: error, jobId: attempt.jobId }, "reconcile: the carrier does not say, the slot is kept");
      return "undecided" as const;
    });
    result[verdict]++;
  }
  return result;
}

/** Marks what it takes as being looked up now, so that no other worker asks the same within the gap. */
async function takeBatch({ db, limits }: Deps): Promise<Unsettled[]> {
  const flight = limits.postStartBudgetMs + limits.postTimeoutMs + FLIGHT_MARGIN_MS;
  const seconds = (ms: number) => sql`make_interval(secs => ${ms / 1000})`;
  const taken = await rows<Omit<Unsettled, "clockAheadMs"> & { nowMs: number }>(
    db,
    sql`
    update outbound_call_attempts a
       set looked_up_at = clock_timestamp()
      from (select token from outbound_call_attempts
             where closed_at is null and call_sid is null and begun_at is not null
               and (result = 'ambiguous' or begun_at < clock_timestamp() - ${seconds(flight)})
               and (looked_up_at is null or looked_up_at < clock_timestamp() - ${seconds(limits.lookupGapMs)})
             order by begun_at
             limit ${BATCH}
               for update skip locked) due
     where a.token = due.token
    returning a.token, job_id as "jobId", run_id as "runId", business_id as "businessId", from_number as "from", to_number as "to",
              (extract(epoch from begun_at) * 1000)::float8 as "begunAtMs",
              looked_up_at::text as "takenAt", (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs",
              begun_at < clock_timestamp() - ${seconds(limits.settleMs)} as settled`,
  );
  return taken.map(({ nowMs, ...attempt }) => ({ ...attempt, clockAheadMs: nowMs - Date.now() }));
}

async function lookUp(deps: Deps, attempt: Unsettled): Promise<keyof LookedUp> {
  const { from, to, begunAtMs, clockAheadMs } = attempt;
  const now = new Date(Date.now() + clockAheadMs);
  const calls = await deps.dialler.find({ from, to, since: new Date(begunAtMs), now });
  const mine = await unclaimed(deps, calls, attempt);
  if (mine) return await adoptCall(deps, attempt, mine);
  const clean = await row<{ n: number }>(
    deps.db,
    // The gap counts from here: a batch is asked one after the other. Nor do two who ask at the same time count as two.
    sql`update outbound_call_attempts set clean_lookups = clean_lookups + 1, looked_up_at = clock_timestamp()
         where token = ${attempt.token} and call_sid is null and closed_at is null
           and looked_up_at = ${attempt.takenAt}::timestamptz
        returning clean_lookups as n`,
  );
  if (!clean || clean.n < CLEAN_LOOKUPS || !attempt.settled) return "undecided";
  return await giveUp(deps, attempt, clean.n);
}

/**
 * Of the calls that are nobody else's, the one made nearest to the mark. A row of the CRM speaks for itself only about another
 * lead, or about a time before the mark: the CRM may write one for our own call, from its voice handler or a synchronisation.
 */
async function unclaimed(
  { db }: Deps,
  calls: CarrierCall[],
  { jobId, begunAtMs: markMs }: Unsettled,
): Promise<CarrierCall | undefined> {
  if (calls.length === 0) return undefined;
  const sids = sql`${sql.param(calls.map((c) => c.sid))}::text[]`;
  const known = await rows<{ sid: string }>(
    db,
    sql`select call_sid as sid from outbound_call_attempts where call_sid = any (${sids})
        union
        select c.call_sid from call_log c, outbound_call_jobs j
         where c.call_sid = any (${sids}) and j.id = ${jobId}
           and (c.lead_id <> j.lead_id or c.business_id <> j.business_id
                or c.created_at < to_timestamp(${markMs / 1000}::float8) at time zone 'UTC' - interval '30 seconds')`,
  );
  const taken = new Set(known.map((k) => k.sid));
  const distance = (call: CarrierCall) => Math.abs(call.createdAt.getTime() - markMs) || 0;
  return calls.filter((call) => !taken.has(call.sid)).sort((a, b) => distance(a) - distance(b))[0];
}

async function adoptCall(deps: Deps, attempt: Unsettled, call: CarrierCall): Promise<"found" | "undecided"> {
  const { token, runId, businessId, jobId } = attempt;
  const evidence = `adopted ${call.sid} found at the carrier`;
  const { sid, status, durationSeconds } = call;
  const detail = { evidence, status };
  const event = { runId, businessId, jobId, kind: "job.adopted", actor: "reconcile", detail };
  const news = { token, sid, status, durationSeconds, from: "fetch" as const, evidence: event };
  const applied = await applyNews(deps.db, news, nobodyListens, deps.log);
  return applied === "applied" ? "found" : "undecided";
}

async function giveUp(deps: Deps, attempt: Unsettled, cleanLookups: number): Promise<"notPlaced" | "undecided"> {
  const evidence = `not placed: ${cleanLookups === 2 ? "two" : cleanLookups} clean look-ups`;
  const done = await inTransaction(deps.db, async (tx) => {
    await lockBusiness(tx, attempt.businessId);
    // While we waited a callback may have told of the call after all: what is live is not given up.
    await lockRun(tx, attempt.businessId, attempt.runId);
    const job = await lockJob(tx, attempt.businessId, attempt.jobId);
    if (job?.status !== "dialing" || job.token !== attempt.token || job.callSid !== null) return false;
    const before = await row(
      tx,
      sql`select 1 from outbound_call_attempts where job_id = ${attempt.jobId} and result = 'not_found' and token <> ${attempt.token} limit 1`,
    );
    if (!before) return (await requeueJob(tx, attempt, "not_found", "reconcile", { evidence })) !== null;
    const end = {
      status: "failed" as const,
      outcome: "outcome_unknown",
      errorMessage: "outcome_unknown",
      errorCode: "outcome_unknown",
      call: null,
    };
    return await endJob(tx, attempt, end, "reconcile");
  });
  return done ? "notPlaced" : "undecided";
}
