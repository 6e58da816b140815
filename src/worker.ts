// The worker process: Graphile's tasks, the heartbeat, the maintenance tick, and an end in order.
import { openDatabase } from "../db/client.ts";
import { taskList } from "../tasks/registry.ts";
import type { Dialler } from "./dialling/dialler.ts";
import type { Logger } from "./log.ts";
import { dispatch } from "./runs/dispatch.ts";
import { nobodyListens, type Engine, type Limits, type Reached, type WorkerIdentity } from "./runs/engine.ts";
import { heartbeat, signOff } from "./runs/leases.ts";
import { askCarrier, maintain, recover } from "./runs/maintain.ts";
import { TurnTaking } from "./runs/turnTaking.ts";
import { identify, isLocal, leave } from "./worker/identity.ts";
import { startGraphile } from "./worker/graphile.ts";
import { Launches } from "./worker/launches.ts";
import { Lines } from "./worker/lines.ts";
import { loop } from "./worker/loop.ts";
import { within } from "./worker/within.ts";

export interface WorkerOptions {
  databaseUrl: string;
  dialler: Dialler;
  limits: Limits;
  log: Logger;
  publicUrl: string;
  voiceUrl?: string | undefined;
  callerId?: string | undefined;
  /** For tests: between two maintenance ticks, in milliseconds. */
  tickMs?: number;
  /** For tests and the fault drill. */
  reached?: Reached;
}

export interface Worker {
  readonly identity: WorkerIdentity;
  /** Claims nothing more, lets POSTs in flight finish (for `graceMs` at most), hands the runs over. */
  stop(graceMs: number): Promise<void>;
}

/** Tasks, dials and the maintenance tick share these connections; the heartbeat and Graphile's own statements have theirs. */
const POOL_SIZE = 10;
/** One listens; Graphile's four workers share the others, each for a statement at a time. */
const GRAPHILE_POOL_SIZE = 4;
/** A statement may wait for locks; a worker that is stuck for twice its lease has lost its runs, and may as well try anew. */
const SHORTEST_PATIENCE_MS = 15_000;
/** Longer than a dispatch takes that waits for nobody. */
const SLOW_DISPATCH_MS = 500;
/** How often lost wake-ups, dead workers and silent calls are looked for. */
const TICK_MS = 2_000;

export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { log, limits } = options;
  const identity = identify();
  const lost = (error: Error) => log.warn({ err: error }, "database: a connection was lost");
  const db = openDatabase({
    url: options.databaseUrl,
    name: `ringpost worker ${identity.name}`,
    max: POOL_SIZE,
    answerWithinMs: Math.max(SHORTEST_PATIENCE_MS, 2 * limits.adoptAfterMs),
    onError: lost,
  });
  const beatDb = openDatabase({
    url: options.databaseUrl,
    name: `ringpost heartbeat ${identity.name}`,
    max: 1,
    // Longer, and the others take us for dead anyway.
    answerWithinMs: limits.adoptAfterMs,
    onError: lost,
  });
  const graphileDb = openDatabase({
    url: options.databaseUrl,
    name: `ringpost graphile ${identity.name}`,
    max: GRAPHILE_POOL_SIZE,
    // That a job was fetched or is done: forgotten, it is run again, and every task may be.
    lazyCommit: true,
    answerWithinMs: Math.max(SHORTEST_PATIENCE_MS, 2 * limits.adoptAfterMs),
    onError: lost,
  });
  const graphileIds = new Set<string>();
  let healthySince: number | null = null;
  let lastBeat: number | null = null;
  const launches = new Launches((error) => log.error({ err: error }, "stopped half-way, left to reconcile"));
  const draining = new AbortController();
  const failed = (what: string) => (error: unknown) =>
    log.warn({ err: error }, `${what} failed, it will be tried again`);

  /** A drain waits for a dispatch that has begun; those behind it in line do not, where a stop or a cancel holds it up. */
  const callUp = async (businessId: number) => {
    const dispatching = dispatch(engine, businessId);
    launches.launch(async () => void (await dispatching.catch(failed("dispatch"))));
    await within(SLOW_DISPATCH_MS, dispatching);
  };
  const turns = new TurnTaking(db);
  /** So few that what others take meanwhile is seen a quarter of a second later at most. */
  const atMost = Math.min(16, Math.max(1, Math.floor(limits.callsPerSecond / 4)));
  const lines = new Lines({
    first: (ids) => turns.first(ids, atMost),
    callUp,
    // Also if it got none: one whose number the carrier refuses was never served, and would come first for ever.
    left: (businessId) => turns.took(businessId),
    ending: draining.signal,
  });

  const engine: Engine = {
    db,
    log,
    dialler: options.dialler,
    limits,
    worker: identity,
    publicUrl: options.publicUrl,
    voiceUrl: options.voiceUrl,
    callerId: options.callerId,
    launch: (work) => launches.launch(work),
    dispatchInTurn: (businessId, again) => lines.join(businessId, again),
    tookTurn: (businessId) => turns.took(businessId),
    draining: draining.signal,
    healthyForMs: () => (healthySince === null ? 0 : performance.now() - healthySince),
    isLocal,
    reached: options.reached ?? nobodyListens,
  };

  const beatOnce = async () => {
    const since = performance.now();
    // A heartbeat that came late counts as a gap: the process was frozen, or the machine asleep.
    if (lastBeat !== null && since - lastBeat > limits.adoptAfterMs) healthySince = null;
    try {
      await heartbeat(beatDb, identity, [...graphileIds], limits);
      healthySince ??= since;
      lastBeat = performance.now();
    } catch (error) {
      healthySince = null;
      throw error;
    }
  };
  await beatOnce();
  await recover(engine);
  const beat = loop(limits.heartbeatMs, beatOnce, failed("heartbeat"));
  const tickMs = options.tickMs ?? TICK_MS;
  const tick = loop(tickMs, () => maintain(engine), failed("maintenance"));
  const ask = loop(tickMs, () => askCarrier(engine), failed("asking the carrier"));
  const graphile = await startGraphile({
    pool: graphileDb.$client,
    tasks: taskList(engine),
    log,
    onWorker: (poolId) => void graphileIds.add(poolId),
  });
  // At once, so that the pool's job locks can be freed even if we die before the next heartbeat.
  await beatOnce().catch(failed("heartbeat"));
  log.info({ worker: identity.name }, "worker: ready");

  return {
    identity,
    async stop(graceMs) {
      const until = Date.now() + graceMs;
      draining.abort();
      const left = () => Math.max(0, until - Date.now());
      // A look-up may wait long for the carrier, a task for the database: they get no more time than the calls.
      const quiet = Promise.all([graphile.stop(), tick.stop(), ask.stop()]);
      if (!(await launches.drain(left())))
        log.warn({ calls: launches.inFlight }, "worker: calls without an answer are left to reconcile");
      if (!(await within(left(), quiet))) log.warn("worker: a task or look-up did not end in time");
      // What a task launched while it ended.
      await launches.drain(left());
      await beat.stop();
      await signOff(beatDb, identity).catch(failed("signing off"));
      leave(identity);
      await Promise.all([db, graphileDb, beatDb].map((database) => database.$client.end()));
      log.info({ worker: identity.name }, "worker: ended");
    },
  };
}
