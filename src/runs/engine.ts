// What the queue's verbs need of the process they run in: the database, the carrier, the limits, and who they are.
import type { Database } from "../../db/client.ts";
import type { Dialler } from "../dialling/dialler.ts";
import type { Logger } from "../log.ts";

/** Thresholds of the queue; the configuration's names, in milliseconds unless they say otherwise. */
export interface Limits {
  maxCallsPerBusiness: number;
  /** Infinity: not paced. */
  callsPerSecond: number;
  ringTimeoutSeconds: number;
  callTimeLimitSeconds: number;
  heartbeatMs: number;
  adoptAfterMs: number;
  runTtlMs: number;
  afterTtl: "fail" | "resume";
  postStartBudgetMs: number;
  postTimeoutMs: number;
  lookupGapMs: number;
  settleMs: number;
  callNewsMs: number;
}

/** One boot of one worker process. */
export interface WorkerIdentity {
  /** Unlike `hostname:pid`, never the same twice. */
  id: string;
  /** `hostname:pid`, as runs show it in locked_by_worker. */
  name: string;
  /** Machine, boot and process namespace, within which a pid means something. */
  host: string;
  pid: number;
}

export interface Engine {
  db: Database;
  log: Logger;
  dialler: Dialler;
  limits: Limits;
  worker: WorkerIdentity;
  /** Where the carrier reaches the API, without a slash at the end. */
  publicUrl: string;
  /** The voice URL of businesses that have none of their own; undefined: ours. */
  voiceUrl: string | undefined;
  /** The caller id of businesses that have none of their own. */
  callerId: string | undefined;
  /** Runs `work` beside everything else; a draining process waits for it. */
  launch(work: () => Promise<void>): void;
  /**
   * Dispatches the business, from this process, in its turn among all that wait for the same `key`, which has nothing for
   * anybody before `inMs`; undefined: as far as is known. Durable wake-ups are the maintenance tick's.
   */
  dispatchInTurn(businessId: number, again: { key: string; inMs?: number | undefined }): void;
  /** The business got a call: others come before it now. */
  tookTurn(businessId: number): void;
  /** Ends when the process drains: waits are cut short, nothing new begins. */
  draining: AbortSignal;
  /** For how long the heartbeat has succeeded without a gap: who was away himself may not declare others dead. */
  healthyForMs(): number;
  /** Whether a worker with this boot id runs in this very process. */
  isLocal(workerId: string): boolean;
  reached: Reached;
}

/** Moments between two steps that a crash must not hurt. */
export type Moment =
  /** Jobs, slots and attempts are claimed, and nobody knows it yet. */
  | "claim.committed"
  /** The POST is marked as begun, and the clock has not been looked at. */
  | "begin.committed"
  /** The carrier has answered, and the answer has not been looked at. */
  | "post.answered"
  /** In the transaction that stores an answer's SID, before its commit. */
  | "placed.storing"
  | "placed.stored"
  /** In the transaction that applies a callback or a fetched state, before its commit. */
  | "news.applying"
  /** A stop or force-cancel has committed, and has not been answered. */
  | "stop.committed"
  | "reap.started"
  /** In the transaction that fails a run past its TTL, before its commit. */
  | "reap.reclaiming";

/** Named moments that tests and the fault drill hook into; nobody listens otherwise. */
export type Reached = (moment: Moment) => Promise<void>;

export const nobodyListens: Reached = async () => {};
