// The worker process: Graphile's tasks, the heartbeat, the maintenance tick, and an end in order.
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { openDatabase } from "../db/client.ts";
import { taskList } from "../tasks/registry.ts";
import type { Dialler } from "./dialling/dialler.ts";
import type { Logger } from "./log.ts";
import { dispatch } from "./runs/dispatch.ts";
import type { Engine, Limits, Moment, WorkerIdentity } from "./runs/engine.ts";
import { heartbeat, registerWorker, signOff } from "./runs/leases.ts";
import { maintain } from "./runs/maintain.ts";
import { startGraphile } from "./worker/graphile.ts";
import { Launches } from "./worker/launches.ts";
import { loop } from "./worker/loop.ts";

export interface WorkerOptions {
  databaseUrl: string;
  dialler: Dialler;
  limits: Limits;
  log: Logger;
  publicUrl: string;
  voiceUrl?: string | undefined;
  callerId?: string | undefined;
  /** For tests and the fault drill. */
  reached?: (moment: Moment) => Promise<void>;
}

export interface Worker {
  readonly identity: WorkerIdentity;
  /** Claims nothing more, lets POSTs in flight finish (for `graceMs` at most), hands the runs over. */
  stop(graceMs: number): Promise<void>;
}

/** Tasks, dials and the maintenance tick share these connections; the heartbeat has its own. */
const POOL_SIZE = 12;
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
    onError: lost,
  });
  const beatDb = openDatabase({
    url: options.databaseUrl,
    name: `ringpost heartbeat ${identity.name}`,
    max: 1,
    onError: lost,
  });
  const launches = new Launches();
  const draining = new AbortController();
  const failed = (what: string) => (error: unknown) =>
    log.warn({ err: error }, `${what} failed, it will be tried again`);

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
    dispatchLater: (businessId, ms) =>
      launches.later(businessId, ms, () =>
        launches.launch(() => dispatch(engine, businessId).then(() => {}, failed("dispatch"))),
      ),
    draining: draining.signal,
    reached: options.reached ?? (async () => {}),
  };

  await registerWorker(beatDb, identity, []);
  const beat = loop(limits.heartbeatMs, () => heartbeat(beatDb, identity), failed("heartbeat"));
  const tick = loop(TICK_MS, () => maintain(engine), failed("maintenance"));
  const graphile = await startGraphile({
    pool: db.$client,
    tasks: taskList(engine),
    log,
    onWorker: (id) => void registerWorker(beatDb, identity, [id]).catch(failed("registering")),
  });
  log.info({ worker: identity.name }, "worker: ready");

  return {
    identity,
    async stop(graceMs) {
      const until = Date.now() + graceMs;
      draining.abort();
      await Promise.all([graphile.stop(), tick.stop()]);
      if (!(await launches.drain(Math.max(0, until - Date.now()))))
        log.warn({ calls: launches.inFlight }, "worker: calls without an answer are left to reconcile");
      await beat.stop();
      await signOff(beatDb, identity).catch(failed("signing off"));
      await Promise.all([db.$client.end(), beatDb.$client.end()]);
      log.info({ worker: identity.name }, "worker: ended");
    },
  };
}

function identify(): WorkerIdentity {
  const host = hostname();
  return { id: randomUUID(), name: `${host}:${process.pid}`, hostname: host, pid: process.pid };
}
