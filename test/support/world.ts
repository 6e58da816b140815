// A whole Ringpost for one test: a database of its own, the carrier's stand-in, a receiver for its callbacks, and as
// many workers as the test asks for. Everything closes with the test, last first.
import { sql } from "drizzle-orm";
import { openDatabase, row, rows, type Database } from "../../db/client.ts";
import { openDoor, type Door } from "../../db/door.ts";
import type { StandInOptions } from "../../src/dev/twilio/options.ts";
import { startStandIn, type StandIn } from "../../src/dev/twilio/standIn.ts";
import type { Logger } from "../../src/log.ts";
import { enqueueRun, type EnqueueInput, type Enqueued } from "../../src/runs/enqueue.ts";
import type { Engine, Limits } from "../../src/runs/engine.ts";
import type { JobStatus, RunStatus } from "../../src/runs/states.ts";
import type { Worker, WorkerOptions } from "../../src/worker.ts";
import { testLogger } from "./log.ts";
import { migratedDatabase } from "./migrated.ts";
import type { Scope } from "./postgres.ts";
import { lastFirst } from "./scope.ts";
import { until } from "./until.ts";
import { testEngine } from "./world/engine.ts";
import { aNumber, insertBusiness, insertLeads, insertRun, setLimit } from "./world/factories.ts";
import type { Business, BusinessOptions, MadeRun, RunOptions } from "./world/factories.ts";
import { startReceiver } from "./world/receiver.ts";
import { spawnTestWorker, startTestWorker, type ChildWorker, type StartWorker } from "./world/workers.ts";

export { minutes, seconds, type Business } from "./world/factories.ts";
export { assertInvariants } from "./world/invariants.ts";

export interface WorldOptions {
  limits?: Partial<Limits>;
  /** Default: calls that are over in an instant. */
  carrier?: StandInOptions;
  /** Another database than a fresh one: its schema must be current. */
  database?: (t: Scope) => Promise<{ url: string }>;
}

export interface RunRow {
  id: number;
  status: RunStatus;
  total: number;
  queued: number;
  inProgress: number;
  completed: number;
  failed: number;
  cancelled: number;
  cursor: number;
  cancelRequested: boolean;
  lastError: string | null;
  /** Times as Postgres writes them, in UTC. */
  startedAt: string | null;
  endedAt: string | null;
  completedAt: string | null;
  lockedBy: string | null;
}

export interface JobRow {
  id: number;
  leadId: number;
  status: JobStatus;
  outcome: string | null;
  callStatus: string | null;
  errorMessage: string | null;
  errorCode: string | null;
  sid: string | null;
  token: string | null;
  to: string;
  attempts: number;
  callLogId: number | null;
}

export interface World {
  url: string;
  db: Database;
  carrier: StandIn;
  limits: Limits;
  log: Logger;
  /** What was logged, one JSON line each. */
  logged: string[];
  businesses: Business[];
  /** One more worker in this process, with an identity of its own. `start`: other code than the project's. */
  worker(options?: Partial<WorkerOptions>, start?: StartWorker): Promise<Worker>;
  /** One more worker as a real child process. */
  spawnWorker(): Promise<ChildWorker>;
  /** What dispatchOnce and its like need, without a worker: nothing happens but what the test does. */
  engine(overrides?: Partial<Engine>): Engine;
  business(options?: BusinessOptions): Promise<Business>;
  setLimit(business: Business, limit: number): Promise<void>;
  /** So many leads with numbers of their own. @returns their ids */
  leads(business: Business, count: number): Promise<number[]>;
  /** Leads with exactly these phone fields. @returns their ids */
  leadsWith(business: Business, phones: (string | null)[]): Promise<number[]>;
  numbersOf(leadIds: number[]): Promise<string[]>;
  door(business: Business): Door;
  enqueue(business: Business, leadIds: number[], input?: Partial<EnqueueInput>): Promise<Enqueued>;
  /** A run that exists already, in any state and of any age. */
  aRun(options: RunOptions): Promise<MadeRun>;
  run(runId: number): Promise<RunRow>;
  jobs(runId: number): Promise<JobRow[]>;
  /** Waits for the run's status, or for anything else about it. */
  untilRun(runId: number, when: RunStatus | ((run: RunRow) => boolean), timeoutMs?: number): Promise<RunRow>;
  /** Waits until so many sessions of the database wait for a lock. */
  untilBlocked(sessions: number): Promise<void>;
  /** No call is live, no callback is under way. */
  quiet(): Promise<void>;
}

/** The configuration's defaults, but a shorter heartbeat and no pacing. */
export const LIMITS: Limits = {
  maxCallsPerBusiness: 3,
  callsPerSecond: Infinity,
  ringTimeoutSeconds: 30,
  callTimeLimitSeconds: 600,
  heartbeatMs: 1_000,
  adoptAfterMs: 5_000,
  runTtlMs: 300_000,
  afterTtl: "fail",
  postStartBudgetMs: 2_000,
  postTimeoutMs: 10_000,
  lookupGapMs: 10_000,
  settleMs: 30_000,
  callNewsMs: 30_000,
};

export async function world(t: Scope, options: WorldOptions = {}): Promise<World> {
  const scope = lastFirst(t);
  const limits = { ...LIMITS, ...options.limits };
  const { url } = await (options.database ?? migratedDatabase)(scope);
  const db = openDatabase({ url, name: "ringpost test", max: 20 });
  scope.after(() => db.$client.end());
  const logged: string[] = [];
  const log = testLogger((line) => logged.push(line));
  const receiver = await startReceiver(scope, db, log);
  const carrier = await startStandIn({ preset: "instant", ...options.carrier });
  scope.after(() => carrier.close());
  const businesses: Business[] = [];
  const setup = { databaseUrl: url, publicUrl: receiver.publicUrl, carrier: account(carrier), limits };

  const made: World = {
    url,
    db,
    carrier,
    limits,
    log,
    logged,
    businesses,
    worker: (workerOptions, start) => startTestWorker(scope, setup, log, workerOptions, start),
    spawnWorker: () => spawnTestWorker(scope, setup),
    engine: (overrides) => testEngine(db, setup, log, overrides),
    async business(businessOptions = {}) {
      const business = await insertBusiness(db, limits.maxCallsPerBusiness, businessOptions);
      businesses.push(business);
      return business;
    },
    setLimit: (business, limit) => setLimit(db, business, limit),
    leads: (business, count) => insertLeads(db, business.id, Array.from({ length: count }, aNumber)),
    leadsWith: (business, phones) => insertLeads(db, business.id, phones),
    numbersOf: (leadIds) => numbersOf(db, leadIds),
    door: (business) => openDoor(db, { businessId: business.id, actor: "user:7", userId: null }),
    enqueue: (business, leadIds, input) =>
      enqueueRun(made.door(business), {
        leadIds,
        concurrency: 3,
        outboundListId: null,
        projectId: null,
        message: null,
        ...input,
      }),
    aRun: (runOptions) => insertRun(db, runOptions),
    run: (runId) => readRun(db, runId),
    jobs: (runId) => readJobs(db, runId),
    async untilRun(runId, when, timeoutMs) {
      const holds = typeof when === "string" ? (run: RunRow) => run.status === when : when;
      return await until(
        async () => {
          const run = await readRun(db, runId);
          return holds(run) && run;
        },
        async () => `run ${runId} is ${JSON.stringify(await readRun(db, runId))}\n${logged.slice(-10).join("")}`,
        timeoutMs,
      );
    },
    untilBlocked: (sessions) => untilBlocked(db, sessions),
    quiet: async () => void (await carrier.waitFor((r) => r.liveNow === 0 && r.callbacks.pending === 0)),
  };
  return made;
}

const account = ({ url, accountSid, authToken }: StandIn) => ({ url, accountSid, authToken });

async function numbersOf(db: Database, leadIds: number[]): Promise<string[]> {
  const found = await rows<{ id: number; phone: string }>(
    db,
    sql`select id, phone_e164 as phone from leads where id = any (${sql.param(leadIds)}::int[])`,
  );
  const byId = new Map(found.map((lead) => [lead.id, lead.phone]));
  return leadIds.map((id) => byId.get(id)!);
}

async function readRun(db: Database, runId: number): Promise<RunRow> {
  const found = await row<RunRow>(
    db,
    sql`select id, status, total_leads as total, queued_count as queued, in_progress_count as "inProgress",
               completed_count as completed, failed_count as failed, cancelled_count as cancelled, cursor_position as cursor,
               cancel_requested as "cancelRequested", last_error as "lastError", started_at as "startedAt",
               ended_at as "endedAt", completed_at as "completedAt", locked_by_worker as "lockedBy"
          from outbound_call_runs where id = ${runId}`,
  );
  if (!found) throw new Error(`no run ${runId}`);
  return found;
}

async function readJobs(db: Database, runId: number): Promise<JobRow[]> {
  return await rows<JobRow>(
    db,
    sql`select id, lead_id as "leadId", status, outcome, call_status as "callStatus", error_message as "errorMessage",
               error_code as "errorCode", call_sid as sid, dial_lock_token as token, to_number as "to", attempts,
               call_log_id as "callLogId"
          from outbound_call_jobs where run_id = ${runId} order by id`,
  );
}

async function untilBlocked(db: Database, sessions: number): Promise<void> {
  await until(async () => {
    const now = await row<{ n: number }>(
      db,
      sql`select count(*)::int as n from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return now!.n >= sessions;
  }, `${sessions} sessions waiting for a lock`);
}
