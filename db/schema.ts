// What is stored: the CRM's tables (read, created only where missing), the two tables the CRM already queries
// (outbound_call_runs, outbound_call_jobs), and Ringpost's own. The migrations must end in exactly this schema.
import { sql, type SQL } from "drizzle-orm";
import {
  type AnyPgColumn,
  bigint,
  bigserial,
  boolean,
  check,
  foreignKey,
  index,
  integer,
  json,
  jsonb,
  pgPolicy,
  pgRole,
  pgTable,
  primaryKey,
  serial,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
  varchar,
} from "drizzle-orm/pg-core";

/** The CRM reads and writes times as `timestamp` in UTC; every connection pins TimeZone=UTC so that now() agrees. */
const utc = (name: string) => timestamp(name, { mode: "date" });
/** Ringpost's own tables carry the zone. */
const instant = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });

/** Whom requests run as (requestRole.ts). The grants, the CRM's views and the functions are migrations/0003's alone. */
const requestRole = pgRole("ringpost_request").existing();
const notARequest = sql`(select current_user <> 'ringpost_request')`;
const own = sql`${notARequest} or business_id = (select nullif(current_setting('app.business_id', true), '')::int)`;

/** Everybody else notices nothing; a request sees and writes its own business's rows alone. */
const boundToTenant = () => [
  pgPolicy("everyone", { as: "permissive", for: "all", to: "public", using: sql`true`, withCheck: sql`true` }),
  pgPolicy("request_tenant", { as: "restrictive", for: "all", to: requestRole, using: own, withCheck: own }),
];

/** Foreign keys see through row-level security: what a request's row refers to must be its business's too. */
const refersToOwn = (condition: SQL) =>
  pgPolicy("request_refs", {
    as: "restrictive",
    for: "insert",
    to: requestRole,
    withCheck: sql`${notARequest} or (${condition})`,
  });

// --- The CRM's own tables -------------------------------------------------------------------------------------

export const business = pgTable("business", {
  id: serial("id").primaryKey(),
  name: varchar("name", { length: 255 }),
  phoneNumber: varchar("phone_number", { length: 255 }),
  isActive: boolean("is_active").default(true),
  callsEnabled: boolean("calls_enabled").default(true),
});

export const businessSettings = pgTable("business_settings", {
  tenantId: integer("tenant_id")
    .primaryKey()
    .references(() => business.id),
  timezone: varchar("timezone", { length: 64 }).default("Asia/Jerusalem"),
});

export const users = pgTable("users", {
  id: serial("id").primaryKey(),
  businessId: integer("business_id").references(() => business.id),
  email: varchar("email", { length: 255 }),
  name: varchar("name", { length: 255 }),
  role: varchar("role", { length: 64 }),
});

export const outboundLeadLists = pgTable("outbound_lead_lists", {
  id: serial("id").primaryKey(),
  tenantId: integer("tenant_id")
    .notNull()
    .references(() => business.id),
  name: varchar("name", { length: 255 }),
  fileName: varchar("file_name", { length: 255 }),
  totalLeads: integer("total_leads").default(0),
  createdAt: utc("created_at").defaultNow(),
});

export const leads = pgTable(
  "leads",
  {
    id: serial("id").primaryKey(),
    tenantId: integer("tenant_id")
      .notNull()
      .references(() => business.id),
    firstName: varchar("first_name", { length: 255 }),
    lastName: varchar("last_name", { length: 255 }),
    name: varchar("name", { length: 255 }),
    phoneE164: varchar("phone_e164", { length: 64 }),
    status: varchar("status", { length: 64 }).default("new"),
    source: varchar("source", { length: 64 }).default("form"),
    outboundListId: integer("outbound_list_id").references(() => outboundLeadLists.id),
    city: varchar("city", { length: 255 }),
    notes: text("notes"),
    createdAt: utc("created_at").defaultNow(),
    updatedAt: utc("updated_at").defaultNow(),
  },
  (t) => [index("idx_leads_tenant_list").on(t.tenantId, t.outboundListId)],
);

export const callLog = pgTable(
  "call_log",
  {
    id: serial("id").primaryKey(),
    businessId: integer("business_id").references(() => business.id),
    leadId: integer("lead_id").references(() => leads.id),
    projectId: integer("project_id"),
    callSid: varchar("call_sid", { length: 64 }).unique("call_log_call_sid_key"),
    fromNumber: varchar("from_number", { length: 64 }),
    toNumber: varchar("to_number", { length: 64 }),
    direction: varchar("direction", { length: 32 }),
    status: varchar("status", { length: 32 }),
    callStatus: varchar("call_status", { length: 32 }),
    duration: integer("duration"),
    recordingUrl: text("recording_url"),
    recordingSid: varchar("recording_sid", { length: 64 }),
    transcription: text("transcription"),
    finalTranscript: text("final_transcript"),
    summary: text("summary"),
    customerName: varchar("customer_name", { length: 255 }),
    createdAt: utc("created_at").defaultNow(),
    updatedAt: utc("updated_at").defaultNow(),
  },
  (t) => [
    index("idx_call_log_business_created").on(t.businessId, t.createdAt),
    index("idx_call_log_lead_id").on(t.leadId),
  ],
);

// --- The two tables the CRM already queries --------------------------------------------------------------------

export const runs = pgTable(
  "outbound_call_runs",
  {
    id: serial("id").primaryKey(),
    businessId: integer("business_id")
      .notNull()
      .references(() => business.id),
    outboundListId: integer("outbound_list_id").references(() => outboundLeadLists.id),
    createdByUserId: integer("created_by_user_id").references(() => users.id),
    concurrency: integer("concurrency").default(3),
    totalLeads: integer("total_leads").default(0),
    queuedCount: integer("queued_count").default(0),
    inProgressCount: integer("in_progress_count").default(0),
    completedCount: integer("completed_count").default(0),
    failedCount: integer("failed_count").default(0),
    cancelledCount: integer("cancelled_count").default(0),
    cursorPosition: integer("cursor_position").default(0),
    status: varchar("status", { length: 32 }).default("pending"),
    cancelRequested: boolean("cancel_requested").notNull().default(false),
    // Stop was asked to hang up: also what turns out to be live only later.
    hangUp: boolean("hang_up").notNull().default(false),
    lastError: text("last_error"),
    lockedByWorker: varchar("locked_by_worker", { length: 128 }),
    lockTs: utc("lock_ts"),
    createdAt: utc("created_at").defaultNow(),
    startedAt: utc("started_at"),
    endedAt: utc("ended_at"),
    updatedAt: utc("updated_at").defaultNow(),
    completedAt: utc("completed_at"),
    // Which system owns the run: rows the old application inserts get the default, ours say 'ringpost'.
    engine: varchar("engine", { length: 16 }).notNull().default("legacy"),
    // The boot id of the worker named in locked_by_worker: hostname:pid repeats in containers, this does not.
    workerId: uuid("worker_id"),
    // Fairness between the runs of one business: who was longest without a claim.
    lastServedAt: instant("last_served_at"),
    // What the call says instead of the business's own message, by language: {"he": "...", "en": "..."}.
    message: jsonb("message").$type<Partial<Record<"he" | "en", string>>>(),
  },
  (t) => [
    index("idx_outbound_call_runs_business_id").on(t.businessId),
    index("idx_outbound_call_runs_status").on(t.status),
    index("idx_outbound_call_runs_created_at").on(t.createdAt),
    // What dispatch reads: the business's runs that may still dial.
    index("idx_outbound_call_runs_open")
      .on(t.businessId, t.id)
      .where(sql`status in ('pending', 'running')`),
    check(
      "outbound_call_runs_status_known",
      sql`engine <> 'ringpost' or status in ('pending', 'running', 'completed', 'cancelled', 'failed', 'stopped')`,
    ),
    check(
      "outbound_call_runs_end_has_time",
      sql`engine <> 'ringpost' or (status in ('pending', 'running')) = (ended_at is null)`,
    ),
    check("outbound_call_runs_end_alike", sql`engine <> 'ringpost' or ended_at is not distinct from completed_at`),
    check(
      "outbound_call_runs_start_has_time",
      sql`engine <> 'ringpost' or status <> 'running' or started_at is not null`,
    ),
    check(
      "outbound_call_runs_counts",
      sql`engine <> 'ringpost' or (queued_count >= 0 and in_progress_count >= 0 and completed_count >= 0 and failed_count >= 0 and cancelled_count >= 0
        and cursor_position = completed_count + failed_count + cancelled_count
        and total_leads = queued_count + in_progress_count + cursor_position)`,
    ),
    check("outbound_call_runs_concurrency", sql`engine <> 'ringpost' or concurrency between 1 and 10`),
    ...boundToTenant(),
    refersToOwn(
      sql`(outbound_list_id is null or exists (select from ringpost.outbound_lead_lists l where l.id = outbound_list_id))
        and (created_by_user_id is null or exists (select from ringpost.users u where u.id = created_by_user_id))`,
    ),
  ],
);

export const jobs = pgTable(
  "outbound_call_jobs",
  {
    id: serial("id").primaryKey(),
    runId: integer("run_id")
      .notNull()
      .references(() => runs.id),
    leadId: integer("lead_id")
      .notNull()
      .references(() => leads.id),
    businessId: integer("business_id").notNull(),
    callLogId: integer("call_log_id").references(() => callLog.id),
    projectId: integer("project_id"),
    status: varchar("status", { length: 32 }).default("queued"),
    errorMessage: text("error_message"),
    // The old name and the new one of the same thing; always written alike.
    callSid: varchar("call_sid", { length: 64 }),
    twilioCallSid: varchar("twilio_call_sid", { length: 64 }),
    dialStartedAt: utc("dial_started_at"),
    dialLockToken: varchar("dial_lock_token", { length: 64 }),
    leadName: varchar("lead_name", { length: 255 }),
    createdAt: utc("created_at").defaultNow(),
    startedAt: utc("started_at"),
    completedAt: utc("completed_at"),
    // The number as it is dialled (E.164). NULL only in rows of the old system that were not handed over.
    toNumber: varchar("to_number", { length: 32 }),
    // to_number while the job is active and its run is pending or running; NULL otherwise. Unique per business (I2).
    activeNumber: varchar("active_number", { length: 32 }),
    // Twilio's latest word on the call: queued, initiated, ringing, in-progress or an end.
    callStatus: varchar("call_status", { length: 32 }),
    // How the job ended, in one word: completed, busy, no-answer, failed, canceled, rejected, outcome_unknown, cancelled.
    outcome: varchar("outcome", { length: 32 }),
    errorCode: varchar("error_code", { length: 64 }),
    // How often it was claimed. A second time only after proof that the first never reached Twilio.
    attempts: integer("attempts").notNull().default(0),
  },
  (t) => [
    foreignKey({
      name: "fk_outbound_call_jobs_business",
      columns: [t.businessId],
      foreignColumns: [business.id as AnyPgColumn],
    }),
    unique("unique_run_lead").on(t.runId, t.leadId),
    index("idx_outbound_call_jobs_run_id").on(t.runId),
    index("idx_outbound_call_jobs_lead_id").on(t.leadId),
    index("idx_outbound_call_jobs_status").on(t.status),
    index("idx_outbound_call_jobs_call_sid").on(t.callSid),
    index("idx_outbound_call_jobs_twilio_sid").on(t.twilioCallSid),
    index("idx_outbound_call_jobs_lock_token").on(t.dialLockToken),
    index("idx_outbound_call_jobs_status_twilio_sid").on(t.status, t.twilioCallSid),
    index("idx_outbound_call_jobs_business_id").on(t.businessId),
    // The claim: a run's queued jobs in the order of their ids.
    index("idx_outbound_call_jobs_waiting")
      .on(sql`(case when status = 'queued' then run_id end)`, t.id)
      .where(sql`case when status = 'queued' then run_id end is not null`),
    // Nobody twice: one active job per business and number.
    uniqueIndex("unique_active_number")
      .on(t.businessId, t.activeNumber)
      .where(sql`active_number is not null`),
    check(
      "outbound_call_jobs_status_known",
      sql`to_number is null or status in ('queued', 'dialing', 'calling', 'completed', 'failed', 'cancelled')`,
    ),
    check(
      "outbound_call_jobs_end_has_time",
      sql`to_number is null or (status in ('queued', 'dialing', 'calling')) = (completed_at is null)`,
    ),
    check(
      "outbound_call_jobs_live_has_token",
      sql`to_number is null or status not in ('dialing', 'calling') or (dial_lock_token is not null and dial_started_at is not null)`,
    ),
    check("outbound_call_jobs_calling_has_sid", sql`to_number is null or status <> 'calling' or call_sid is not null`),
    check("outbound_call_jobs_sid_alike", sql`to_number is null or call_sid is not distinct from twilio_call_sid`),
    check(
      "outbound_call_jobs_active_number",
      sql`active_number is null or (active_number = to_number and status in ('queued', 'dialing', 'calling'))`,
    ),
    ...boundToTenant(),
    refersToOwn(
      sql`exists (select from outbound_call_runs r where r.id = run_id) and exists (select from ringpost.leads_by_id l where l.id = lead_id)`,
    ),
  ],
);

// --- Ringpost's own ----------------------------------------------------------------------------------------------

/** One row per live call. The numbered key makes one call too many impossible, whatever happens to the locking (I1). */
export const slots = pgTable(
  "outbound_call_slots",
  {
    businessId: integer("business_id").notNull(),
    slotNo: integer("slot_no").notNull(),
    jobId: integer("job_id")
      .notNull()
      .references(() => jobs.id, { onDelete: "cascade" }),
    runId: integer("run_id").notNull(),
    token: varchar("token", { length: 64 }).notNull(),
    acquiredAt: instant("acquired_at").notNull().defaultNow(),
    // A hint for reconcile (ring timeout + time limit), never a reason to free the slot by itself.
    expiresAt: instant("expires_at").notNull(),
  },
  (t) => [
    primaryKey({ name: "outbound_call_slots_pkey", columns: [t.businessId, t.slotNo] }),
    unique("outbound_call_slots_job_id_key").on(t.jobId),
    check("outbound_call_slots_slot_no", sql`slot_no >= 1`),
    ...boundToTenant(),
  ],
);

/** Every dial token ever issued, and what became of it: the memory that makes "nobody twice" provable. */
export const attempts = pgTable(
  "outbound_call_attempts",
  {
    token: varchar("token", { length: 64 }).primaryKey(),
    jobId: integer("job_id")
      .notNull()
      .references(() => jobs.id, { onDelete: "cascade" }),
    runId: integer("run_id").notNull(),
    businessId: integer("business_id").notNull(),
    workerId: uuid("worker_id").notNull(),
    fromNumber: varchar("from_number", { length: 32 }).notNull(),
    toNumber: varchar("to_number", { length: 32 }).notNull(),
    claimedAt: instant("claimed_at").notNull().defaultNow(),
    // The POST may have been sent from here on. NULL: it was certainly not sent.
    begunAt: instant("begun_at"),
    // The SDK gave a verdict, or a callback proved the call: the POST is no longer in flight.
    settledAt: instant("settled_at"),
    // Nothing more is expected of this attempt: its call ended, or it never became one.
    closedAt: instant("closed_at"),
    callSid: varchar("call_sid", { length: 64 }),
    // placed, ambiguous, rejected, cancelled, outcome_unknown; or why it went back to the queue: throttled, blocked, not_sent,
    // worker_lost, not_found
    result: varchar("result", { length: 32 }),
    errorCode: varchar("error_code", { length: 64 }),
    // Reconcile's evidence: look-ups at the carrier that found nothing, and when it last asked.
    cleanLookups: integer("clean_lookups").notNull().default(0),
    lookedUpAt: instant("looked_up_at"),
    // The last word from the carrier, by callback or by fetch.
    newsAt: instant("news_at"),
  },
  (t) => [
    index("idx_outbound_call_attempts_job").on(t.jobId),
    index("idx_outbound_call_attempts_open")
      .on(t.runId)
      .where(sql`closed_at is null`),
    uniqueIndex("unique_attempt_call_sid")
      .on(t.callSid)
      .where(sql`call_sid is not null`),
    // A call found at the carrier by its two numbers must belong to one attempt: the next waits until this one is known.
    uniqueIndex("unique_unsettled_attempt")
      .on(t.fromNumber, t.toNumber)
      .where(sql`begun_at is not null and closed_at is null and call_sid is null`),
    ...boundToTenant(),
  ],
);

/** The audit trail: who did what when, written in the transaction that did it. */
export const runEvents = pgTable(
  "outbound_run_events",
  {
    id: bigserial("id", { mode: "number" }).primaryKey(),
    runId: integer("run_id").notNull(),
    businessId: integer("business_id").notNull(),
    jobId: integer("job_id"),
    kind: varchar("kind", { length: 48 }).notNull(),
    actor: varchar("actor", { length: 160 }).notNull(),
    detail: jsonb("detail").$type<Record<string, unknown>>().notNull().default({}),
    at: instant("at")
      .notNull()
      .default(sql`clock_timestamp()`),
  },
  (t) => [
    foreignKey({ name: "fk_outbound_run_events_run", columns: [t.runId], foreignColumns: [runs.id] }).onDelete(
      "cascade",
    ),
    index("idx_outbound_run_events_run").on(t.runId, t.id),
    ...boundToTenant(),
    refersToOwn(
      sql`exists (select from outbound_call_runs r where r.id = run_id)
        and (job_id is null or exists (select from outbound_call_jobs j where j.id = job_id))`,
    ),
  ],
);

/** One row per worker process, keyed by a boot id; the heartbeat that leases rest on. */
export const workers = pgTable("outbound_workers", {
  id: uuid("id").primaryKey(),
  name: varchar("name", { length: 128 }).notNull(),
  // Machine, boot and process namespace: within one of them a pid tells whether a worker is gone.
  host: varchar("host", { length: 255 }).notNull(),
  pid: integer("pid").notNull(),
  graphileWorkerIds: text("graphile_worker_ids").array().notNull().default([]),
  startedAt: instant("started_at").notNull().defaultNow(),
  heartbeatAt: instant("heartbeat_at").notNull().defaultNow(),
  stoppedAt: instant("stopped_at"),
});

/** A business's own choices; where a column is NULL the environment's default counts. */
export const outboundSettings = pgTable(
  "outbound_business_settings",
  {
    businessId: integer("business_id")
      .primaryKey()
      .references(() => business.id, { onDelete: "cascade" }),
    maxCalls: integer("max_calls"),
    callerId: varchar("caller_id", { length: 32 }),
    messageHe: text("message_he"),
    messageEn: text("message_en"),
    locale: varchar("locale", { length: 8 }),
    voiceUrl: text("voice_url"),
    updatedAt: instant("updated_at").notNull().defaultNow(),
  },
  () => [
    check("outbound_business_settings_max_calls", sql`max_calls between 1 and 50`),
    check("outbound_business_settings_locale", sql`locale in ('he', 'en')`),
    ...boundToTenant(),
  ],
);

/** When a business was last cleaned up on request: at most once a minute. */
export const cleanups = pgTable(
  "outbound_cleanups",
  {
    businessId: integer("business_id")
      .primaryKey()
      .references(() => business.id, { onDelete: "cascade" }),
    at: instant("at").notNull(),
  },
  () => [...boundToTenant()],
);

/** One row per Twilio account, and per caller id that was paused on it: the pace shared by all workers, and whether and why dialling is paused. */
export const carrierAccounts = pgTable("outbound_carrier_accounts", {
  accountSid: varchar("account_sid", { length: 64 }).primaryKey(),
  // When the next call may start; moves on by 1/CPS with each reservation.
  nextTurnAt: instant("next_turn_at")
    .notNull()
    .default(sql`'-infinity'`),
  pausedUntil: instant("paused_until"),
  pauseKind: varchar("pause_kind", { length: 32 }),
  pauseCode: varchar("pause_code", { length: 64 }),
  pauseMessage: text("pause_message"),
  // How often in a row it was paused: the back-off's exponent.
  pauseCount: integer("pause_count").notNull().default(0),
  // Unknown 4xx answers in a row; five pause the account.
  unknownErrors: integer("unknown_errors").notNull().default(0),
  updatedAt: instant("updated_at").notNull().defaultNow(),
});

/**
 * Idempotency-Key: the row commits with what the request created, and holds its result, so that the answer can be given
 * again. While the request runs there is no row: an advisory lock says so, and goes with the process that held it.
 */
export const idempotencyKeys = pgTable(
  "outbound_idempotency_keys",
  {
    businessId: integer("business_id").notNull(),
    key: varchar("key", { length: 255 }).notNull(),
    // A hash of route and body: the same key with another wish is a mistake of the caller.
    fingerprint: varchar("fingerprint", { length: 64 }).notNull(),
    // json and not jsonb: it comes back byte for byte, and a file's strange characters are no fault in it.
    result: json("result").notNull(),
    createdAt: instant("created_at")
      .notNull()
      .default(sql`clock_timestamp()`),
  },
  (t) => [
    primaryKey({ name: "outbound_idempotency_keys_pkey", columns: [t.businessId, t.key] }),
    foreignKey({
      name: "fk_outbound_idempotency_keys_business",
      columns: [t.businessId],
      foreignColumns: [business.id],
    }).onDelete("cascade"),
    index("idx_outbound_idempotency_keys_created_at").on(t.createdAt),
    ...boundToTenant(),
  ],
);

/** How many requests each business has made in the last minute, over all API processes. */
export const requestCounts = pgTable(
  "outbound_request_counts",
  {
    businessId: integer("business_id").notNull(),
    // In steps of five seconds since 1970: the newest that was counted.
    windowNo: bigint("window_no", { mode: "number" }).notNull(),
    // By the process that asked last.
    taken: integer("taken").notNull(),
    // In each of the last steps, the newest first.
    lately: integer("lately").array().notNull().default([]),
  },
  (t) => [primaryKey({ name: "outbound_request_counts_pkey", columns: [t.businessId] }), ...boundToTenant()],
);

// --- What an upgrade moved aside ---------------------------------------------------------------------------------

/** Rows of the old system that no rule fits, whole, each with the reason (migrations/0020). Nothing refers to them. */
export const removedRuns = pgTable(
  "outbound_call_runs_removed",
  {
    id: bigserial("id", { mode: "number" }).primaryKey(),
    runId: integer("run_id").notNull(),
    businessId: integer("business_id"),
    // no_business_id, business_gone
    reason: varchar("reason", { length: 32 }).notNull(),
    oldRow: jsonb("old_row").notNull(),
    removedAt: instant("removed_at")
      .notNull()
      .default(sql`clock_timestamp()`),
  },
  () => boundToTenant(),
);

export const removedJobs = pgTable(
  "outbound_call_jobs_removed",
  {
    id: bigserial("id", { mode: "number" }).primaryKey(),
    jobId: integer("job_id").notNull(),
    runId: integer("run_id"),
    leadId: integer("lead_id"),
    businessId: integer("business_id"),
    // no_run_id, run_gone, business_gone, no_lead_id, lead_gone, other_business, duplicate
    reason: varchar("reason", { length: 32 }).notNull(),
    oldRow: jsonb("old_row").notNull(),
    removedAt: instant("removed_at")
      .notNull()
      .default(sql`clock_timestamp()`),
  },
  () => boundToTenant(),
);
