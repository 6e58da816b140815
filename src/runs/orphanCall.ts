// A call that its job no longer waits for: its attempt was given up, and then the carrier turns out to have it. If the
// job is queued again, the call is adopted (the lead must not be called twice); otherwise it is hung up.
import { sql } from "drizzle-orm";
import { row, type Tx } from "../../db/client.ts";
import type { Attempt } from "./attempt.ts";
import { audit } from "./audit.ts";
import type { CarrierNews, NewsResult } from "./news.ts";
import type { LockedJob } from "./rows.ts";
import { isCallEnd, type CallStatus } from "./states.ts";
import { wakeHangUp } from "./wake.ts";

/** The caller holds the job's lock. */
export async function orphanCall(
  tx: Tx,
  attempt: Attempt,
  job: LockedJob,
  news: CarrierNews & { status: CallStatus },
): Promise<NewsResult> {
  const fresh = await row(
    tx,
    sql`update outbound_call_attempts
           set call_sid = ${news.sid}, news_at = clock_timestamp()
         where token = ${attempt.token} and call_sid is null
        returning 1`,
  );
  if (!fresh || isCallEnd(news.status)) return "ignored";
  const { runId, businessId } = attempt;
  const detail = { call_sid: news.sid, learned_from: news.from, job_status: job.status };
  await audit(tx, { runId, businessId, jobId: job.id, kind: "job.orphan_hung_up", actor: "carrier", detail });
  await wakeHangUp(tx, news.sid);
  return "applied";
}
