// Everything on one machine: database, stand-in (without a carrier of your own), API and worker, in the order in which
// they need each other. `make run` keeps it up; `make call` brings it for one list.
import { openDatabase } from "../../db/client.ts";
import { migrateDatabase } from "../../db/migrate.ts";
import { openApi, type OpenedApi } from "../commands/api.ts";
import { openWorker } from "../commands/worker.ts";
import type { Config } from "../config.ts";
import type { Logger } from "../log.ts";
import { databaseName } from "./databaseName.ts";
import { demoBusinesses, hasOtherBusinesses, type DemoBusiness } from "./demo.ts";
import { folderDatabase } from "./folder.ts";
import { jwtSecret } from "./keys.ts";
import { spawnStandIn } from "./twilio/spawn.ts";

export interface Stack {
  apiUrl: string;
  databaseUrl: string;
  /** The configuration as it came to be: with the stand-in's account, the signing secret, our own address. */
  config: Config;
  /** The stand-in's address, for its observer's report; undefined with a carrier of your own. */
  standInUrl: string | undefined;
  /** Empty with a carrier of your own. */
  businesses: DemoBusiness[];
  stop(graceMs: number): Promise<void>;
}

export interface StackWishes {
  config: Config;
  log: Logger;
  /** How long the stand-in's calls take. */
  calls: "realistic" | "fast";
  say: (line: string) => void;
}

/** What becomes of the stand-in's calls, in parts of a hundred: about what a campaign sees. */
const OUTCOMES = { answered: 65, "no-answer": 20, busy: 10, failed: 5 };

export async function startStack({ config, log, calls, say }: StackWishes): Promise<Stack> {
  const stops: ((graceMs: number) => Promise<void>)[] = [];
  const stop = async (graceMs: number) => {
    for (const close of stops.splice(0).toReversed())
      await close(graceMs).catch((err: unknown) => log.warn({ err }, "stopping"));
  };
  try {
    if (config.databaseUrl) say(`database ${databaseName(config.databaseUrl)} (DATABASE_URL)`);
    const database = await folderDatabase(config, say);
    stops.push(() => database.stop());
    if (config.databaseUrl && !config.twilio) await warnOfOthers(config.databaseUrl, say);
    await migrateDatabase(database.url);
    const standIn = config.twilio
      ? undefined
      : await spawnStandIn({ preset: calls, scripts: [{ outcome: OUTCOMES }], seed: Date.now() % 1_000_000 });
    if (standIn) stops.push(() => standIn.close());
    const businesses = standIn ? await demoBusinesses(database.url) : [];
    const whole = withDefaults(config, standIn);
    const wishes = { config: whole, databaseUrl: database.url, log, standIn: standIn !== undefined };
    const api = await listen(wishes, say);
    stops.push((graceMs) => api.close(graceMs));
    const worker = await openWorker({ ...wishes, publicUrl: whole.publicUrl ?? api.url });
    // The worker first, the API last: until the end it takes the callbacks of the worker's calls.
    stops.push((graceMs) => worker.stop(graceMs));
    return { apiUrl: api.url, databaseUrl: database.url, config: whole, standInUrl: standIn?.url, businesses, stop };
  } catch (error) {
    await stop(0);
    throw error;
  }
}

/**
 * A DATABASE_URL that is set by accident, or credentials that are not: leads that wait there end as called though no phone
 * rang. Said, not refused: a program that starts us on a database of its own, again after a crash too, means it.
 */
async function warnOfOthers(databaseUrl: string, say: (line: string) => void): Promise<void> {
  const db = openDatabase({ url: databaseUrl, name: "ringpost start", max: 1 });
  if (await hasOtherBusinesses(db).finally(() => db.$client.end()))
    say(
      `  WARNING: ${databaseName(databaseUrl)} has businesses of its own, and there are no Twilio credentials: leads that wait` +
        " there are now called by the stand-in, with no phone ringing. Not meant? Stop this, and set the credentials.",
    );
}

function withDefaults(
  config: Config,
  standIn: { accountSid: string; authToken: string; url: string } | undefined,
): Config {
  const { secret, jwksUrl } = config.jwt;
  return {
    ...config,
    twilio: standIn
      ? { accountSid: standIn.accountSid, authToken: standIn.authToken, apiUrl: standIn.url, real: false }
      : config.twilio,
    jwt: { ...config.jwt, secret: secret ?? (jwksUrl ? undefined : jwtSecret(config.dataDir)) },
  };
}

/**
 * On the configured port, or on any free one when another program has it; but where PUBLIC_URL leads to that port, the
 * carrier would report its calls to the other program.
 */
async function listen(
  wishes: Parameters<typeof openApi>[0] extends infer W ? Omit<W, "port"> : never,
  say: (line: string) => void,
): Promise<OpenedApi> {
  const { port, publicUrl } = wishes.config;
  try {
    return await openApi({ ...wishes, port });
  } catch (error) {
    if (publicUrl || !(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
    say(`port ${port} is taken, choosing another`);
    return await openApi({ ...wishes, port: 0 });
  }
}
