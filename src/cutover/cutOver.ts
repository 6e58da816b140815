// The cut-over: every run of the old system becomes ours, with its workers stopped. Killed anywhere, the next one goes
// on: a run is handed over whole or not at all.
import { sql } from "drizzle-orm";
import { rows, type Database } from "../../db/client.ts";
import { cleanOldRows } from "../../db/migrate.ts";
import type { Taken } from "./decide.ts";
import { handOverRun, takeRuns, tally } from "./handOverRun.ts";
import { takenBefore } from "./inUse.ts";
import { requireOldWorkersStopped } from "./oldWorkers.ts";

export interface CutOver {
  /** Runs handed over, by what they are now. */
  runs: Record<string, number>;
  /** Jobs that had not ended, by what became of them; live: calls that may be under way, settled with the carrier. */
  jobs: Record<"queued" | "live" | "failed" | "cancelled", number>;
}

/** Ended runs per transaction. */
const BATCH = 500;

/**
 * @throws CodedError cutover.old_workers_alive, unless `force`: an old worker that goes on would call people whom ours
 *   call too
 */
export async function cutOver(
  db: Database,
  options: { force?: boolean; report?: (line: string) => void } = {},
): Promise<CutOver> {
  if (!options.force) await requireOldWorkersStopped(db);
  await cleanOldRows(db.$client.options.connectionString ?? "", options.report);
  const done: CutOver = { runs: {}, jobs: { queued: 0, live: 0, failed: 0, cancelled: 0 } };
  await takeEnded(db, done);
  const left = await runsLeft(db);
  let business = 0;
  let taken: Taken | undefined;
  for (const { id, businessId } of left) {
    if (!taken || businessId !== business) [business, taken] = [businessId, await takenBefore(db, businessId)];
    const run = await handOverRun(db, businessId, id, taken);
    if (!run) continue;
    done.runs[run.status] = (done.runs[run.status] ?? 0) + 1;
    for (const [to, n] of Object.entries(tally(run.moves))) done.jobs[to as keyof CutOver["jobs"]] += n;
  }
  return done;
}

/** What the cut-over would find, for a plan. */
export async function oldRuns(db: Database): Promise<Record<string, number>> {
  const found = await rows<{ status: string; n: number }>(
    db,
    sql`select coalesce(status, 'none') as status, count(*)::int as n from outbound_call_runs where engine <> 'ringpost' group by 1 order by 1`,
  );
  return Object.fromEntries(found.map(({ status, n }) => [status, n]));
}

/**
 * A business's runs with live calls first, and those that go on by themselves last: our workers may be alive already, and
 * must find every call of the old system in its slot, and whom it has on the phone, before they dial for the business.
 */
async function runsLeft(db: Database): Promise<{ id: number; businessId: number }[]> {
  return await rows<{ id: number; businessId: number }>(
    db,
    sql`select r.id, r.business_id as "businessId"
          from outbound_call_runs r
         where r.engine <> 'ringpost'
         order by r.business_id,
                  exists (select from outbound_call_jobs j where j.run_id = r.id and j.status in ('dialing', 'calling')) desc,
                  r.status = 'pending', r.id`,
  );
}

/** Most of a database: ended runs without an open job need no decision, and go by the hundred. */
async function takeEnded(db: Database, done: CutOver): Promise<void> {
  for (;;) {
    const ids = sql`r.id in (
      select e.id from outbound_call_runs e
       where e.engine <> 'ringpost' and e.status in ('completed', 'cancelled', 'failed', 'stopped')
         and not exists (select from outbound_call_jobs j where j.run_id = e.id and j.status in ('queued', 'dialing', 'calling'))
       order by e.id limit ${BATCH})`;
    const taken = await rows<{ status: string; n: number }>(
      db,
      sql`with taken as (${takeRuns(ids, null, null)}),
               noted as (insert into outbound_run_events (run_id, business_id, kind, actor, detail)
                         select id, business_id, 'run.handed_over', 'cutover', jsonb_build_object('from', status, 'status', status) from taken)
          select status, count(*)::int as n from taken group by status`,
    );
    if (taken.length === 0) return;
    for (const { status, n } of taken) done.runs[status] = (done.runs[status] ?? 0) + n;
  }
}
