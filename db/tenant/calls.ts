// The business's calls as the CRM shows them (call_log), and a run's jobs with what became of each call.
import { and, asc, count, desc, eq, gt, inArray, sql, type SQL } from "drizzle-orm";
import { through, type Door } from "../door.ts";
import { callLog, jobs, leads } from "../schema.ts";
import type { Guard } from "./guard.ts";
import { pageOf, type Mark, type Page } from "./page.ts";
import { searching } from "./search.ts";

export interface CallFilter {
  status?: string | undefined;
  /** Part of a name or number; `%` and `_` stand for themselves. */
  search?: string | undefined;
  runId?: number | undefined;
}

const status = sql<string | null>`coalesce(${callLog.callStatus}, ${callLog.status})`;
const leadName = sql<
  string | null
>`coalesce(${leads.name}, nullif(concat_ws(' ', ${leads.firstName}, ${leads.lastName}), ''))`;

/** What the SELECT below asks of each call. `call_log` itself has no end: our job knows it. */
const CALL = {
  businessId: sql<number>`${callLog.businessId}`,
  id: callLog.id,
  callSid: callLog.callSid,
  toNumber: callLog.toNumber,
  leadId: callLog.leadId,
  leadName: sql<string | null>`coalesce(${leadName}, ${callLog.customerName})`,
  leadStatus: leads.status,
  status,
  createdAt: callLog.createdAt,
  duration: callLog.duration,
  recordingUrl: callLog.recordingUrl,
  recordingSid: callLog.recordingSid,
  transcript: sql<string | null>`coalesce(${callLog.finalTranscript}, ${callLog.transcription})`,
  summary: callLog.summary,
};

const RESULT = {
  businessId: jobs.businessId,
  id: jobs.id,
  leadId: jobs.leadId,
  leadName: jobs.leadName,
  toNumber: jobs.toNumber,
  status: jobs.status,
  outcome: jobs.outcome,
  errorMessage: jobs.errorMessage,
  attempts: jobs.attempts,
  callSid: sql<string | null>`coalesce(${jobs.callSid}, ${jobs.twilioCallSid})`,
  startedAt: jobs.startedAt,
  completedAt: jobs.completedAt,
  duration: callLog.duration,
};

/** In the calls of a run: those that its jobs placed. */
const ofRun = (businessId: number, runId: number): SQL => sql`
  ${callLog.callSid} in (select coalesce(call_sid, twilio_call_sid) from outbound_call_jobs
                          where run_id = ${runId} and business_id = ${businessId})`;

function matching(businessId: number, { status: wanted, search, runId }: CallFilter): SQL | undefined {
  const names = [leads.name, leads.firstName, leads.lastName, callLog.customerName];
  return and(
    eq(callLog.businessId, businessId),
    eq(callLog.direction, "outbound"),
    wanted === undefined ? undefined : sql`${status} = ${wanted}`,
    runId === undefined ? undefined : ofRun(businessId, runId),
    searching(search, names, callLog.toNumber),
  );
}

export function callQueries(door: Door, guard: Guard) {
  return {
    /** One page of outgoing calls, newest first, and how many match in all. */
    async listCalls(filter: CallFilter, page: { size: number; number: number }) {
      return await through(door, async (tx, businessId) => {
        const where = matching(businessId, filter);
        // A lead that the CRM moved to another business must not show its name here.
        const ofLead = and(eq(leads.id, callLog.leadId), eq(leads.tenantId, businessId));
        const found = await tx
          .select(CALL)
          .from(callLog)
          .leftJoin(leads, ofLead)
          .where(where)
          .orderBy(desc(callLog.createdAt), desc(callLog.id))
          .limit(page.size)
          .offset((page.number - 1) * page.size);
        const [all] = await tx.select({ n: count() }).from(callLog).leftJoin(leads, ofLead).where(where);
        const calls = guard.own(found, "call");
        const sids = calls.flatMap((call) => call.callSid ?? []);
        const ends = await tx
          .select({ sid: jobs.callSid, at: jobs.completedAt })
          .from(jobs)
          .where(and(eq(jobs.businessId, businessId), inArray(jobs.callSid, sids)));
        const endOf = new Map(ends.map(({ sid, at }) => [sid, at]));
        return {
          total: all?.n ?? 0,
          items: calls.map((call) => ({ ...call, endedAt: endOf.get(call.callSid) ?? null })),
        };
      });
    },

    /** A run's jobs in the order in which they are called, with their calls' talk time. The caller has looked the run up. */
    async listResults(runId: number, size: number, after: Mark): Promise<Page<ResultRow>> {
      const found = await through(door, (tx, businessId) =>
        tx
          .select(RESULT)
          .from(jobs)
          .leftJoin(callLog, and(eq(callLog.id, jobs.callLogId), eq(callLog.businessId, businessId)))
          .where(
            and(
              eq(jobs.businessId, businessId),
              eq(jobs.runId, runId),
              after === undefined ? undefined : gt(jobs.id, after),
            ),
          )
          .orderBy(asc(jobs.id))
          .limit(size + 1),
      );
      return pageOf(guard.own(found, "job"), size);
    },
  };
}

type Queries = ReturnType<typeof callQueries>;
export type CallRow = Awaited<ReturnType<Queries["listCalls"]>>["items"][number];
export interface ResultRow {
  businessId: number;
  id: number;
  leadId: number;
  leadName: string | null;
  toNumber: string | null;
  status: string | null;
  outcome: string | null;
  errorMessage: string | null;
  attempts: number;
  callSid: string | null;
  startedAt: Date | null;
  completedAt: Date | null;
  /** Talk time in seconds; null without a call, or before its end. */
  duration: number | null;
}
