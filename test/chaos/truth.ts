// What must be true: at every moment (the sampler), and in the end (the verdict). Statements find the rows that break a
// rule, each in one snapshot, so that a failure shows them.
import { setTimeout as sleep } from "node:timers/promises";
import { sql, type SQL } from "drizzle-orm";
import { rows, type Database } from "../../db/client.ts";
import type { StartedRun } from "./people.ts";
import type { Stage } from "./stage.ts";

const COUNTERS = sql`
  select r.id, r.status, r.total_leads, r.queued_count, r.in_progress_count, r.completed_count, r.failed_count,
         r.cancelled_count, r.cursor_position, j.*
    from outbound_call_runs r
   cross join lateral (
     select count(*) as jobs, count(*) filter (where status = 'queued') as queued,
            count(*) filter (where status in ('dialing', 'calling')) as live,
            count(*) filter (where status = 'completed') as completed,
            count(*) filter (where status = 'failed') as failed,
            count(*) filter (where status = 'cancelled') as cancelled
       from outbound_call_jobs where run_id = r.id) j
   where (r.total_leads, r.queued_count, r.in_progress_count, r.completed_count, r.failed_count, r.cancelled_count,
          r.cursor_position)
         is distinct from (j.jobs, j.queued, j.live, j.completed, j.failed, j.cancelled, j.completed + j.failed + j.cancelled)`;

const ALWAYS: Record<string, SQL> = {
  "counters equal the jobs by status": COUNTERS,
  "every live job has its slot and its open attempt, and nothing else has one": sql`
    select j.id as job, j.status, s.slot_no, s.token as slot_token, a.token
      from (select * from outbound_call_jobs where status in ('dialing', 'calling')) j
      full join outbound_call_slots s on s.job_id = j.id and s.token = j.dial_lock_token
      full join (select * from outbound_call_attempts where closed_at is null) a on a.job_id = j.id and a.token = j.dial_lock_token
     where j.id is null or s.job_id is null or a.token is null`,
  "slots within the limit": sql`
    select s.business_id, s.slot_no, b.max_calls from outbound_call_slots s
      join outbound_business_settings b on b.business_id = s.business_id
     where s.slot_no > b.max_calls`,
  "one active job per number": sql`
    select business_id, active_number, count(*) from outbound_call_jobs where active_number is not null
     group by 1, 2 having count(*) > 1`,
};

const IN_THE_END: Record<string, SQL> = {
  "every run has ended": sql`
    select id, status, queued_count, in_progress_count, locked_by_worker, lock_ts from outbound_call_runs
     where status not in ('completed', 'cancelled', 'stopped') or ended_at is null`,
  "every lead is at its end": sql`
    select id, run_id, status, outcome from outbound_call_jobs where status not in ('completed', 'failed', 'cancelled')`,
  "no slot is left": sql`select * from outbound_call_slots`,
  "every attempt is closed": sql`select * from outbound_call_attempts where closed_at is null`,
  "no number is active": sql`select id, run_id, status from outbound_call_jobs where active_number is not null`,
  "nobody is cancelled in a run that nobody ended": sql`
    select j.id, j.run_id, j.error_message from outbound_call_jobs j join outbound_call_runs r on r.id = j.run_id
     where j.status = 'cancelled' and not r.cancel_requested`,
};

/** Looks all the time; Postgres being away is no finding. */
export class Sampler {
  samples = 0;
  readonly broken = new Map<string, unknown[]>();
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(db: Database, everyMs: number) {
    this.#done = (async () => {
      while (!this.#stop.signal.aborted) {
        for (const [rule, statement] of Object.entries(ALWAYS)) {
          const found = await rows(db, statement).catch(() => []);
          if (found.length > 0 && !this.broken.has(rule)) this.broken.set(rule, found.slice(0, 5));
        }
        this.samples++;
        await sleep(everyMs);
      }
    })();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}

export interface Verdict {
  failures: string[];
  figures: string;
}

/** Compares the database with what the carrier has seen. */
export async function judge(stage: Stage, runs: readonly StartedRun[]): Promise<Verdict> {
  const { db, carrier, businesses } = stage;
  const failures: string[] = [];
  const check = (holds: boolean, words: () => string) => void (holds || failures.push(words()));
  const some = (list: unknown[]) => `${list.length}: ${JSON.stringify(list.slice(0, 3))}`;
  for (const [rule, statement] of [...Object.entries(ALWAYS), ...Object.entries(IN_THE_END)]) {
    const found = await rows(db, statement);
    check(found.length === 0, () => `${rule}: ${some(found)}`);
  }
  const report = await carrier.report();
  check(report.tosCalledTwice.length === 0, () => `called twice: ${some(report.tosCalledTwice)}`);
  check(report.tokensUsedTwice.length === 0, () => `two calls of one attempt: ${some(report.tokensUsedTwice)}`);
  check(report.tokensPostedTwice.length === 0, () => `two POSTs of one attempt: ${some(report.tokensPostedTwice)}`);
  for (const { from, limit } of businesses) {
    const most = report.maxLivePerFrom[from] ?? 0;
    check(most <= limit, () => `${from} had ${most} live calls, ${limit} are allowed`);
  }
  for (const run of runs) {
    const most = report.groupMax[`run of ${run.numbers[0]}`] ?? 0;
    const { concurrency } = run.plan;
    check(most <= concurrency, () => `run ${run.runId} had ${most} live calls, ${concurrency} are allowed`);
  }
  for (const [label, after] of Object.entries(report.afterMark))
    check(after.violations === 0, () => `${after.violations} calls ${label}: ${some(after.tos)}`);

  const jobs = await rows<Job>(
    db,
    sql`select id, lead_id as "leadId", status, outcome, call_sid as sid, to_number as "to" from outbound_call_jobs`,
  );
  const withJob = new Set(jobs.map((job) => job.leadId));
  const lost = runs.flatMap((run) => run.leadIds).filter((lead) => !withJob.has(lead));
  check(lost.length === 0, () => `leads without a job: ${some(lost)}`);
  const bySid = new Map(jobs.flatMap((job) => (job.sid ? [[job.sid, job] as const] : [])));
  const calls = await carrier.calls();
  const strangers = calls.filter((call) => bySid.get(call.sid)?.to !== call.to);
  check(strangers.length === 0, () => `calls that no job knows: ${some(strangers)}`);
  const wrong = calls.filter((call) => bySid.has(call.sid) && bySid.get(call.sid)?.outcome !== call.status);
  check(wrong.length === 0, () => `jobs with another end than their call: ${some(wrong)}`);
  const made = jobs.filter((job) => job.sid && !calls.some((call) => call.sid === job.sid));
  check(made.length === 0, () => `jobs with a call that never was: ${some(made)}`);

  const count = (of: (job: Job) => boolean) => jobs.filter(of).length;
  const unknown = count((job) => job.outcome === "outcome_unknown");
  const figures =
    `${runs.length} runs, ${jobs.length} leads: ${count((j) => j.status === "completed")} completed, ` +
    `${count((j) => j.status === "failed")} failed (${unknown} of unknown outcome), ${count((j) => j.status === "cancelled")} cancelled; ` +
    `ends ${JSON.stringify(Object.fromEntries([...Map.groupBy(jobs, (j) => j.outcome ?? "none")].map(([k, v]) => [k, v.length])))}; ` +
    `${report.totalCreates} POSTs, ${report.accepted} calls, ${lost.length} lost, ${report.tosCalledTwice.length} called twice, ` +
    `most live per business ${businesses.map((b) => `${report.maxLivePerFrom[b.from] ?? 0}/${b.limit}`).join(" ")}`;
  return { failures, figures };
}

interface Job {
  id: number;
  leadId: number;
  status: string;
  outcome: string | null;
  sid: string | null;
  to: string;
}
