// Live calls without news: their callbacks may be lost, so the carrier is asked, and its word is applied as a callback
// would be. A call that it does not know, twice, is over.
import { sql } from "drizzle-orm";
import { row, rows } from "../../db/client.ts";
import { inTransaction } from "../../db/transaction.ts";
import { endJob, type Held } from "./end.ts";
import { nobodyListens, type Engine } from "./engine.ts";
import { applyNews } from "./news.ts";

export interface Fetched {
  /** Calls asked about. */
  fetched: number;
  /** Calls the carrier does not know: their jobs failed. */
  vanished: number;
}

type Deps = Pick<Engine, "db" | "log" | "dialler" | "limits">;
type Silent = Held & { sid: string };

/** Calls per pass, oldest news first. */
const BATCH = 100;
const AT_ONCE = 10;
/** How often the carrier must deny a call before its job is given up. */
const DENIALS = 2;

export async function fetchSilentCalls(deps: Deps): Promise<Fetched> {
  const silent = await takeBatch(deps);
  let vanished = 0;
  const next = silent.values();
  const ask = async () => {
    for (const call of next) {
      try {
        vanished += Number(await fetchOne(deps, call));
      } catch (error) {
        deps.log.warn({ err: error, jobId: call.jobId }, "reconcile: could not fetch a call, it will be asked again");
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  return { fetched: silent.length, vanished };
}

/** Takes calls whose news, and whose last look, are older than CALL_NEWS_SECONDS; a long call is asked about ever less. */
async function takeBatch({ db, limits }: Deps): Promise<Silent[]> {
  const gap = sql`make_interval(secs => ${limits.callNewsMs / 1000})`;
  return await rows<Silent>(
    db,
    sql`
    update outbound_call_attempts a
       set looked_up_at = clock_timestamp()
      from (select token from outbound_call_attempts
             where closed_at is null and call_sid is not null
               and coalesce(news_at, begun_at, claimed_at) < clock_timestamp() - ${gap}
               and (looked_up_at is null
                    or looked_up_at < clock_timestamp() - greatest(${gap}, (clock_timestamp() - begun_at) / 10))
             order by looked_up_at nulls first
             limit ${BATCH}
               for update skip locked) due
     where a.token = due.token
    returning a.token, job_id as "jobId", run_id as "runId", business_id as "businessId", call_sid as sid`,
  );
}

/** @returns whether the call turned out not to exist, for good */
async function fetchOne(deps: Deps, silent: Silent): Promise<boolean> {
  const call = await deps.dialler.fetch(silent.sid);
  if (call) {
    // "Twice" means twice in a row.
    await deps.db.execute(
      sql`update outbound_call_attempts set clean_lookups = 0 where token = ${silent.token} and clean_lookups > 0`,
    );
    const { token, sid } = silent;
    const { status, durationSeconds } = call;
    await applyNews(deps.db, { token, sid, status, durationSeconds, from: "fetch" }, nobodyListens, deps.log);
    return false;
  }
  const denied = await row<{ n: number }>(
    deps.db,
    sql`update outbound_call_attempts set clean_lookups = clean_lookups + 1 where token = ${silent.token} and closed_at is null
        returning clean_lookups as n`,
  );
  if (!denied || denied.n < DENIALS) return false;
  return await inTransaction(deps.db, (tx) =>
    endJob(
      tx,
      silent,
      {
        status: "failed",
        outcome: "outcome_unknown",
        errorMessage: "the carrier does not know the call",
        errorCode: "call_not_found",
        call: null,
      },
      "reconcile",
    ),
  );
}
