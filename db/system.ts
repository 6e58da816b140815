// The few reads that belong to no tenant: they say whose a call or a run is, so that the caller can then open that
// business's door, and whether the database is fit to serve. Nothing of a row but its ids leaves this file.
import { eq, sql } from "drizzle-orm";
import type { Database } from "./client.ts";
import { pgCode } from "./pgErrors.ts";
import { pendingMigrations } from "./migrate/bookkeeping.ts";
import { attempts, jobs, runs } from "./schema.ts";
import { statement } from "./statement.ts";

export interface CallPlace {
  businessId: number;
  runId: number;
  jobId: number;
}

const placeOfToken = statement<{ token: string }, CallPlace>(
  "place_of_token",
  (v) => sql`
    select business_id as "businessId", run_id as "runId", job_id as "jobId"
      from outbound_call_attempts
     where token = ${v.token}`,
);

/** Whose call it is: by the attempt's token if there is one, else by the SID. Null: not one of ours. */
export async function placeOfCall(
  db: Database,
  call: { token: string | null; sid: string | null },
): Promise<CallPlace | null> {
  if (call.token !== null) {
    const [found] = await placeOfToken(db, { token: call.token });
    if (found) return found;
  }
  if (call.sid === null) return null;
  const { businessId, runId, jobId } = attempts;
  const [attempt] = await db.select({ businessId, runId, jobId }).from(attempts).where(eq(attempts.callSid, call.sid));
  if (attempt) return attempt;
  // Rows that the old system left behind have a SID, but no attempt.
  const [job] = await db
    .select({ businessId: jobs.businessId, runId: jobs.runId, jobId: jobs.id })
    .from(jobs)
    .where(eq(jobs.callSid, call.sid))
    .limit(1);
  return job ?? null;
}

/** For system_admin alone, who may name a run of any business. */
export async function businessOfRun(db: Database, runId: number): Promise<number | null> {
  const [run] = await db.select({ businessId: runs.businessId }).from(runs).where(eq(runs.id, runId));
  return run?.businessId ?? null;
}

/** The migrations that the database still lacks. Throws when it does not answer. */
export async function missingMigrations(db: Database): Promise<string[]> {
  return await pendingMigrations(db.$client);
}

/** Connection exceptions, a read-only server, a transaction ended for its age, shutdown, too many connections. */
const UNAVAILABLE = /^(08...|25006|25P0[34]|57P0[1-5]|53300)$/;
const LOST =
  /ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|not queryable|Connection terminated|timeout exceeded when trying to connect/;

/** Whether an error says that the database cannot be used now, and may later, rather than that a statement was wrong. */
export function isUnavailable(error: unknown): boolean {
  if (UNAVAILABLE.test(pgCode(error) ?? "")) return true;
  for (let e: unknown = error; e instanceof Error; e = e.cause) {
    const code = "code" in e && typeof e.code === "string" ? e.code : "";
    // Drizzle's own message quotes the statement with its values, which may say anything.
    if (LOST.test(code) || (!e.message.startsWith("Failed query") && LOST.test(e.message))) return true;
  }
  return false;
}
