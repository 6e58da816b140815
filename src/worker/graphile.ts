// Graphile Worker, owned: its runner ends by itself when the database goes away at the wrong moment, or leaves behind a
// rejection that would end the process, so it is started again until we stop it.
import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Logger as GraphileLogger, run, type Runner, type TaskList, type WorkerEvents } from "graphile-worker";
import type pg from "pg";
import { isUnavailable } from "../../db/system.ts";
import type { Logger } from "../log.ts";
import { withoutParameters } from "../redact.ts";
import { tolerantPool } from "./tolerantPool.ts";

export interface GraphileOptions {
  pool: pg.Pool;
  tasks: TaskList;
  log: Logger;
  /** Told of each Graphile pool: its id is what job locks are kept under. */
  onWorker: (graphilePoolId: string) => void;
}

/** Tasks at once; dials do not occupy one. */
const CONCURRENCY = 4;
/** NOTIFY wakes the workers; polling is only for jobs that retry, and each worker polls on its own. */
const POLL_INTERVAL_MS = 10_000;
const FIRST_RESTART_MS = 100;
const LONGEST_RESTART_MS = 5_000;

export interface Graphile {
  /** Lets running tasks finish and fetches no more. */
  stop(): Promise<void>;
}

export async function startGraphile(options: GraphileOptions): Promise<Graphile> {
  const { pool, log } = options;
  /** Of the runner at work: what it still holds when it has ended is nobody's. */
  const poolIds = new Set<string>();
  const startOne = () =>
    start({
      ...options,
      onWorker: (id) => {
        poolIds.add(id);
        options.onWorker(id);
      },
    });
  let runner: Runner | undefined = await startOne();
  let stopping = false;
  const endRunner = async () => await runner?.stop().catch(() => {});
  // Graphile tells the database what became of a job without waiting for it. When that fails, the rejection is nobody's,
  // and would end the process; the job stays locked. A new runner is the way back to a known state.
  const onStray = (stray: unknown) => {
    if (!isUnavailable(stray)) throw stray;
    log.warn({ err: stray }, "graphile: a job's end was not stored, starting again");
    void endRunner();
  };
  process.on("unhandledRejection", onStray);
  const supervised = (async () => {
    let wait = FIRST_RESTART_MS;
    for (;;) {
      const since = Date.now();
      await runner?.promise.catch((error: unknown) => log.warn({ err: error }, "graphile: the runner ended"));
      if (stopping) return;
      wait = Date.now() - since > LONGEST_RESTART_MS ? FIRST_RESTART_MS : Math.min(wait * 2, LONGEST_RESTART_MS);
      await sleep(wait);
      if (stopping) return;
      try {
        runner = undefined;
        await unlockJobs(pool, poolIds);
        runner = await startOne();
      } catch (error) {
        log.warn({ err: error }, "graphile: could not start, trying again");
      }
    }
  })();
  return {
    async stop() {
      stopping = true;
      await endRunner();
      await supervised;
      process.off("unhandledRejection", onStray);
    },
  };
}

/** Jobs whose end a former runner could not store would stay locked for four hours. All its tasks have ended. */
async function unlockJobs(pool: pg.Pool, poolIds: Set<string>): Promise<void> {
  if (poolIds.size === 0) return;
  await pool.query("select graphile_worker.force_unlock_workers($1::text[])", [[...poolIds]]);
  poolIds.clear();
}

async function start({ pool, tasks, log, onWorker }: GraphileOptions): Promise<Runner> {
  // Listening before the first worker is made: its id is told only once.
  const events: WorkerEvents = new EventEmitter();
  events.on("worker:create", ({ worker }) => onWorker(worker.workerPool.id));
  return await run({
    events,
    pgPool: tolerantPool(pool),
    taskList: tasks,
    concurrency: CONCURRENCY,
    pollInterval: POLL_INTERVAL_MS,
    noHandleSignals: true,
    logger: new GraphileLogger(() => (level, message) => {
      // It shows a task's error with all that its message says.
      if (level === "error" || level === "warning") log.warn(`graphile: ${withoutParameters(message)}`);
      else log.trace(`graphile: ${message}`);
    }),
  });
}
