// Enqueue: a list of leads becomes a run with its jobs, all or nothing (I3), and no number that is already active in
// the business gets a second job (I2).
import { sql } from "drizzle-orm";
import { array, row, rows, type Tx } from "../../db/client.ts";
import { pgCode } from "../../db/pgErrors.ts";
import type { Door } from "../../db/door.ts";
import { lockEnqueue } from "../../db/locks.ts";
import { keptResult, onceThrough, type Once } from "../../db/once.ts";
import { CodedError } from "../errors.ts";
import { audit } from "./audit.ts";
import { chooseCallable, type Callable, type Skipped } from "./callable.ts";
import { notCalled } from "./called.ts";
import { wakeDispatch } from "./wake.ts";

export type { SkipReason } from "./callable.ts";

export interface EnqueueInput {
  /** The order in which they are called. */
  leadIds: number[];
  /** Calls at once in this run, 1 to 10. */
  concurrency: number;
  outboundListId: number | null;
  projectId: number | null;
  /** What the calls say instead of the business's own message. */
  message: Partial<Record<"he" | "en", string>> | null;
  /** Leaves out whoever was called before. */
  onlyUncalled?: true;
  /** The ended run whose cancelled leads these are: whoever was called since it was made is left out, and who is gone. */
  restOf?: number;
}

export interface Enqueued {
  runId: number;
  queued: number;
  skipped: Skipped[];
  /** True: this is the result of an earlier request with the same key. */
  replayed?: boolean;
}

/** Rows per INSERT: large enough to be fast, small enough to keep a statement's memory flat. */
const SLICE = 10_000;

/**
 * Creates a run and its jobs and wakes a worker. With `once`, a repetition gets the first run, whoever answers it.
 * @throws CodedError lead.not_found, list.not_found, business.calls_disabled,
 *   run.nothing_to_call (detail.skipped says why for each lead). Nothing is created then.
 * @throws OnceRefused
 */
export async function enqueueRun(door: Door, input: EnqueueInput, once?: Once): Promise<Enqueued> {
  // Before the leads are looked at: they may have changed since, and the first answer still holds.
  const kept = once && (await keptResult<Enqueued>(door, once));
  if (kept) return { ...kept.result, replayed: true };
  const { onlyUncalled = false, restOf } = input;
  const { callable: fit, skipped: unfit } = await chooseCallable(door, input.leadIds, restOf !== undefined);
  const { result, replayed } = await onceThrough(door, once, async (tx, businessId) => {
    // A copy: the transaction may run again.
    const skipped = [...unfit];
    await requireCallsEnabled(tx, businessId);
    if (input.outboundListId !== null) await requireList(tx, businessId, input.outboundListId);
    await lockEnqueue(tx, businessId);
    let callable = fit;
    if (onlyUncalled || restOf !== undefined) {
      const chosen = await notCalled(tx, businessId, fit, restOf ?? null);
      callable = chosen.left;
      skipped.push(...chosen.skipped);
    }
    const runId = await insertRun(tx, businessId, door.userId, input);
    const inserted = new Set<number>();
    for (let from = 0; from < callable.length; from += SLICE) {
      const slice = callable.slice(from, from + SLICE);
      for (const id of await insertJobs(tx, businessId, runId, input.projectId, slice).catch(leadGone))
        inserted.add(id);
    }
    for (const { leadId } of callable) if (!inserted.has(leadId)) skipped.push({ leadId, reason: "already_queued" });
    if (inserted.size === 0) throw new CodedError("run.nothing_to_call", "nobody is left to call", { skipped });
    await tx.execute(sql`
      update outbound_call_runs set total_leads = ${inserted.size}, queued_count = ${inserted.size} where id = ${runId}`);
    const counts = { queued: inserted.size, skipped: skipped.length };
    const told = { businessId, actor: door.actor };
    const detail = { ...counts, concurrency: input.concurrency };
    await audit(tx, { ...told, runId, kind: "run.created", detail });
    if (restOf !== undefined)
      await audit(tx, { ...told, runId: restOf, kind: "run.rest_called", detail: { ...counts, run_id: runId } });
    await wakeDispatch(tx, businessId);
    return { runId, queued: inserted.size, skipped };
  });
  return { ...result, replayed };
}

/** Foreign key, row-level security: the lead was there when its number was read, and was deleted meanwhile. */
const LEAD_GONE = new Set(["23503", "42501"]);

function leadGone(error: unknown): never {
  if (LEAD_GONE.has(pgCode(error) ?? "")) throw new CodedError("lead.not_found", "a lead does not exist any more");
  throw error;
}

async function requireCallsEnabled(tx: Tx, businessId: number): Promise<void> {
  const found = await row<{ enabled: boolean }>(
    tx,
    sql`select coalesce(is_active, true) and coalesce(calls_enabled, true) as enabled from business where id = ${businessId}`,
  );
  if (!found?.enabled) throw new CodedError("business.calls_disabled", "the business may not call");
}

async function requireList(tx: Tx, businessId: number, listId: number): Promise<void> {
  const found = await row(
    tx,
    sql`select 1 from outbound_lead_lists where id = ${listId} and tenant_id = ${businessId}`,
  );
  if (!found) throw new CodedError("list.not_found", "no such list");
}

async function insertRun(tx: Tx, businessId: number, userId: number | null, input: EnqueueInput): Promise<number> {
  const created = await row<{ id: number }>(
    tx,
    sql`insert into outbound_call_runs (business_id, outbound_list_id, created_by_user_id, concurrency, status, engine, message)
        values (${businessId}, ${input.outboundListId}, (select id from users where id = ${userId}::int), ${input.concurrency},
                'pending', 'ringpost', ${input.message === null ? null : JSON.stringify(input.message)}::jsonb)
        returning id`,
  );
  if (!created) throw new Error("insert returned nothing");
  return created.id;
}

/** @returns the lead ids that got a job; the others' numbers are active in another run. */
async function insertJobs(
  tx: Tx,
  businessId: number,
  runId: number,
  projectId: number | null,
  leads: Callable[],
): Promise<number[]> {
  const column = <K extends keyof Callable>(key: K) => leads.map((l) => l[key]);
  const inserted = await rows<{ id: number }>(
    tx,
    sql`insert into outbound_call_jobs (run_id, lead_id, business_id, project_id, status, lead_name, to_number, active_number)
        select ${runId}, l.id, ${businessId}, ${projectId}::int, 'queued', l.name, l.number, l.number
          from unnest(${array(column("leadId"), "int")}, ${array(column("name"), "text")}, ${array(column("number"), "text")})
               with ordinality as l (id, name, number, position)
         order by l.position
        on conflict (business_id, active_number) where active_number is not null do nothing
        returning lead_id as id`,
  );
  return inserted.map((r) => r.id);
}
