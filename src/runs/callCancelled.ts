// Calling the rest: the leads that a stopped or cancelled run did not get to become a new run, which calls them as that
// one would have. Whoever was called, by it or since, is left out, so that pressing twice calls nobody twice.
import { sql } from "drizzle-orm";
import { row, rows, type Tx } from "../../db/client.ts";
import { through, type Door } from "../../db/door.ts";
import { keptResult, type Once } from "../../db/once.ts";
import { CodedError } from "../errors.ts";
import { enqueueRun, type Enqueued, type EnqueueInput } from "./enqueue.ts";

/**
 * @throws CodedError run.not_found, run.legacy, run.not_cancelled, and what enqueueRun throws: run.nothing_to_call also
 *   when nobody was cancelled.
 * @throws OnceRefused
 */
export async function callCancelled(door: Door, runId: number, once?: Once): Promise<Enqueued> {
  const kept = once && (await keptResult<Enqueued>(door, once));
  if (kept) return { ...kept.result, replayed: true };
  const input = await through(door, (tx, businessId) => restOf(tx, businessId, runId));
  return await enqueueRun(door, input, once);
}

interface Ended {
  ours: boolean;
  over: boolean;
  concurrency: number;
  list: number | null;
  message: EnqueueInput["message"];
}

async function restOf(tx: Tx, businessId: number, runId: number): Promise<EnqueueInput> {
  // A failed run can be resumed, unless a person has stopped its queue. A list that the CRM has moved elsewhere is left out.
  const run = await row<Ended>(
    tx,
    sql`select r.engine = 'ringpost' as ours, coalesce(r.concurrency, 3) as concurrency, l.id as list, r.message,
               r.status in ('stopped', 'cancelled') or (r.status = 'failed' and r.cancel_requested) as over
          from outbound_call_runs r
          left join outbound_lead_lists l on l.id = r.outbound_list_id and l.tenant_id = r.business_id
         where r.id = ${runId} and r.business_id = ${businessId}`,
  );
  if (!run) throw new CodedError("run.not_found", "no such run");
  if (!run.ours) throw new CodedError("run.legacy", "the run is the old system's until the cut-over");
  if (!run.over) throw new CodedError("run.not_cancelled", "the run was neither stopped nor cancelled");
  const jobs = await rows<{ lead: number; project: number | null }>(
    tx,
    sql`select lead_id as lead, project_id as project from outbound_call_jobs
         where run_id = ${runId} and business_id + 0 = ${businessId} and status = 'cancelled'
         order by id`,
  );
  return {
    leadIds: jobs.map((job) => job.lead),
    concurrency: run.concurrency,
    outboundListId: run.list,
    // One for all jobs of a run.
    projectId: jobs[0]?.project ?? null,
    message: run.message,
    restOf: runId,
  };
}
