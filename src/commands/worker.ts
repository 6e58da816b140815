// `make worker`: the process that dials. Any number of them on one Postgres.
import { readConfig, type Config } from "../config.ts";
import { twilioDialler } from "../dialling/twilio.ts";
import { limitsOf } from "../limits.ts";
import { createLogger, type Logger } from "../log.ts";
import { nobodyListens, type Reached } from "../runs/engine.ts";
import { untilSignal } from "../shutdown.ts";
import { startWorker, type Worker } from "../worker.ts";
import { requireOurDatabaseAt } from "./ourDatabase.ts";

export async function workerCommand(): Promise<never> {
  const config = readConfig(undefined, ["DATABASE_URL", "carrier"]);
  const log = createLogger(config.logLevel);
  const databaseUrl = config.databaseUrl ?? "";
  await requireOurDatabaseAt(databaseUrl);
  const publicUrl = config.publicUrl ?? `http://${config.host}:${config.port}`;
  const worker = await openWorker({ config, databaseUrl, log, publicUrl, standIn: false });
  return await untilSignal(log, (graceMs) => worker.stop(graceMs));
}

interface WorkerWishes {
  config: Config;
  databaseUrl: string;
  log: Logger;
  publicUrl: string;
  standIn: boolean;
  /** For the fault drill. */
  reached?: Reached;
}

export async function openWorker({
  config,
  databaseUrl,
  log,
  publicUrl,
  standIn,
  reached = nobodyListens,
}: WorkerWishes): Promise<Worker> {
  if (!config.twilio) throw new Error("a worker needs a carrier");
  return await startWorker({
    databaseUrl,
    dialler: twilioDialler({ ...config.twilio, timeoutMs: config.postTimeoutMs }),
    limits: limitsOf(config, standIn),
    log,
    publicUrl,
    voiceUrl: config.voiceUrl,
    callerId: config.callerId,
    reached,
  });
}
