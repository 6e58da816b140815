// Ending a stopped run's calls at the carrier. What is still queued there has rung nobody, and is cancelled; ringing and
// answered calls finish, unless the user asked to hang up.
import { sql } from "drizzle-orm";
import { row, rows } from "../../db/client.ts";
import type { Engine } from "./engine.ts";

/** Throws when the carrier does not answer: the task is then tried again. @returns how many calls it ended */
export async function endCallsOf(engine: Engine, runId: number, hangUp: boolean): Promise<number> {
  const live = await rows<{ sid: string; status: string | null }>(
    engine.db,
    sql`select call_sid as sid, call_status as status from outbound_call_jobs
         where run_id = ${runId} and status = 'calling' and call_sid is not null`,
  );
  // The run's own memory too: of two stops, the later may not have asked to hang up.
  const asked = await row<{ hangUp: boolean }>(
    engine.db,
    sql`select hang_up as "hangUp" from outbound_call_runs where id = ${runId}`,
  );
  const all = hangUp || (asked?.hangUp ?? false);
  const failures: unknown[] = [];
  let ended = 0;
  for (const call of live) {
    try {
      if (all) ended += Number(await engine.dialler.end(call.sid, "completed"));
      else if (call.status === "queued" && (await stillQueued(engine, call.sid)))
        ended += Number(await engine.dialler.end(call.sid, "canceled"));
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0)
    throw new AggregateError(failures, `${failures.length} calls of run ${runId} could not be ended`);
  return ended;
}

/** Our own word may be old: a call that rings by now has reached somebody, and is left alone. */
async function stillQueued(engine: Engine, sid: string): Promise<boolean> {
  return (await engine.dialler.fetch(sid))?.status === "queued";
}
