// Graphile Worker, owned: its runner ends by itself when the database goes away at the wrong moment, so it is started
// again until we stop it.
import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Logger as GraphileLogger, run, type Runner, type TaskList, type WorkerEvents } from "graphile-worker";
import type pg from "pg";
import type { Logger } from "../log.ts";

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
  let runner: Runner | undefined = await start(options);
  let stopping = false;
  const supervised = (async () => {
    let wait = FIRST_RESTART_MS;
    for (;;) {
      const since = Date.now();
      await runner?.promise.catch((error: unknown) => options.log.warn({ err: error }, "graphile: the runner ended"));
      if (stopping) return;
      wait = Date.now() - since > LONGEST_RESTART_MS ? FIRST_RESTART_MS : Math.min(wait * 2, LONGEST_RESTART_MS);
      await sleep(wait);
      if (stopping) return;
      runner = await start(options).catch((error: unknown) => {
        options.log.warn({ err: error }, "graphile: could not start, trying again");
        return undefined;
      });
    }
  })();
  return {
    async stop() {
      stopping = true;
      await runner?.stop().catch(() => {});
      await supervised;
    },
  };
}

async function start({ pool, tasks, log, onWorker }: GraphileOptions): Promise<Runner> {
  // Listening before the first worker is made: its id is told only once.
  const events: WorkerEvents = new EventEmitter();
  events.on("worker:create", ({ worker }) => onWorker(worker.workerPool.id));
  return await run({
    events,
    pgPool: pool,
    taskList: tasks,
    concurrency: CONCURRENCY,
    pollInterval: POLL_INTERVAL_MS,
    noHandleSignals: true,
    logger: new GraphileLogger(() => (level, message) => {
      if (level === "error" || level === "warning") log.warn(`graphile: ${message}`);
      else log.trace(`graphile: ${message}`);
    }),
  });
}
