// `make api`: the REST API and the carrier's webhooks. Any number of them on one Postgres.
import { openDatabase, type Database } from "../../db/client.ts";
import { startApi, type Api } from "../api/server.ts";
import { readConfig, type Config } from "../config.ts";
import { readLeads } from "../leads/import.ts";
import { limitsOf } from "../limits.ts";
import { createLogger, type Logger } from "../log.ts";
import { callCancelled } from "../runs/callCancelled.ts";
import { requestCancel } from "../runs/cancel.ts";
import { cleanUpBusiness } from "../runs/cleanup.ts";
import { enqueueRun } from "../runs/enqueue.ts";
import { applyNews } from "../runs/news.ts";
import { resumeRun } from "../runs/resume.ts";
import { forceCancelRun, stopRun } from "../runs/stop.ts";
import { nobodyListens, type Reached } from "../runs/engine.ts";
import { waitingFor } from "../runs/waiting.ts";
import { untilSignal } from "../shutdown.ts";
import { requireOurDatabaseAt } from "./ourDatabase.ts";

/** Connections of one API process: for requests, and apart from them for webhooks, which nobody repeats. */
const POOL_SIZE = 12;
const WEBHOOK_POOL_SIZE = 8;
/** RFC 7518, section 3.2. */
const HS256_KEY_BYTES = 32;

export async function apiCommand(): Promise<never> {
  const config = readConfig(undefined, ["DATABASE_URL", "jwt"]);
  const log = createLogger(config.logLevel);
  const databaseUrl = config.databaseUrl ?? "";
  await requireOurDatabaseAt(databaseUrl);
  const api = await openApi({ config, databaseUrl, log, port: config.port, standIn: false });
  if (!config.twilio) log.warn("api: no Twilio credentials, so every webhook will be refused");
  if (config.jwt.secret && Buffer.byteLength(config.jwt.secret) < HS256_KEY_BYTES)
    log.warn(`api: JWT_SECRET is shorter than ${HS256_KEY_BYTES} bytes: whoever sees one token can search for it`);
  log.info({ url: api.url }, "api: ready");
  return await untilSignal(log, (graceMs) => api.close(graceMs));
}

export interface OpenedApi extends Api {
  db: Database;
}

interface ApiWishes {
  config: Config;
  databaseUrl: string;
  log: Logger;
  port: number;
  /** The carrier is the built-in stand-in. */
  standIn: boolean;
  /** For the fault drill. */
  reached?: Reached;
}

/** An API with its own pool; closing it ends both. */
export async function openApi({
  config,
  databaseUrl,
  log,
  port,
  standIn,
  reached = nobodyListens,
}: ApiWishes): Promise<OpenedApi> {
  const onError = (error: Error) => log.warn({ err: error }, "database: a connection was lost");
  const db = openDatabase({ url: databaseUrl, name: "ringpost api", max: POOL_SIZE, onError });
  const webhookDb = openDatabase({
    url: databaseUrl,
    name: "ringpost webhooks",
    max: WEBHOOK_POOL_SIZE,
    onError,
  });
  const endPools = () => Promise.all([db.$client.end(), webhookDb.$client.end()]);
  const limits = limitsOf(config, standIn);
  const facts = { limits, accountSid: config.twilio?.accountSid, callerId: config.callerId };
  let url = "";
  try {
    const api = await startApi({
      db,
      webhookDb,
      log,
      queue: {
        enqueueRun,
        callCancelled,
        stopRun: (door, runId, options) => stopRun(door, runId, { ...options, reached }),
        forceCancelRun: (door, runId, options) => forceCancelRun(door, runId, { ...options, reached }),
        requestCancel,
        resumeRun,
        cleanUpBusiness: (door) => cleanUpBusiness({ limits, log }, door),
        applyNews: (on, news) => applyNews(on, news, reached, log),
        waitingFor: (door, runId) => waitingFor(door, runId, facts),
      },
      readLeads,
      config,
      carrier: config.twilio && { authToken: config.twilio.authToken, publicUrl: () => config.publicUrl ?? url },
      listen: { host: config.host, port },
    });
    url = api.url;
    return {
      db,
      url,
      async close(graceMs) {
        await api.close(graceMs);
        await endPools();
      },
    };
  } catch (error) {
    await endPools();
    throw error;
  }
}
