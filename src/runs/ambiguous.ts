// Nobody knows whether the carrier took the call: the attempt says so, the job keeps its slot, and only reconcile may
// decide. A second POST here is how people get called twice.
import { sql } from "drizzle-orm";
import { row, type Queryable, type Tx } from "../../db/client.ts";
import { audit } from "./audit.ts";
import type { Held } from "./end.ts";

/** @returns `known`: a callback has told of the call already, and nothing is unknown */
export async function ambiguous(tx: Tx, held: Held, why: string): Promise<"unknown" | "known"> {
  const { token, runId, businessId, jobId } = held;
  const marked = await row(
    tx,
    sql`update outbound_call_attempts set settled_at = clock_timestamp(), result = 'ambiguous'
         where token = ${token} and call_sid is null and closed_at is null and settled_at is null
        returning 1`,
  );
  if (!marked) return (await hasCall(tx, token)) ? "known" : "unknown";
  await audit(tx, { runId, businessId, jobId, kind: "job.unsettled", actor: "queue", detail: { why } });
  return "unknown";
}

/** Whether the attempt's call is known, by a callback that was quicker than the answer. */
export async function hasCall(on: Queryable, token: string): Promise<boolean> {
  const found = await row(
    on,
    sql`select 1 from outbound_call_attempts where token = ${token} and call_sid is not null`,
  );
  return found !== undefined;
}
