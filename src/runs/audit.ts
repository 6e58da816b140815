// The audit trail: one row per thing that happened to a run or a job, written in the transaction that did it.
import { sql } from "drizzle-orm";
import type { Queryable } from "../../db/client.ts";

export interface AuditEvent {
  runId: number;
  businessId: number;
  jobId?: number | null;
  /** What happened: `run.created`, `run.stopped`, `job.ended`, `job.adopted` ... */
  kind: string;
  /** Who did it: `user:7`, `worker:host:123`, `carrier`, `reaper`. */
  actor: string;
  /** Evidence and figures. Never a phone number. */
  detail?: Record<string, unknown>;
}

export async function audit(tx: Queryable, event: AuditEvent): Promise<void> {
  await tx.execute(sql`
    insert into outbound_run_events (run_id, business_id, job_id, kind, actor, detail)
    values (${event.runId}, ${event.businessId}, ${event.jobId ?? null}, ${event.kind}, ${event.actor},
            ${JSON.stringify(event.detail ?? {})}::jsonb)`);
}
