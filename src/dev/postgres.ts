// A real Postgres for development, from the npm package's binaries: its data is kept in a folder of the project.
//
// One living process owns the server and stops it; others in the same folder join it. The server outlives an owner
// that was killed: the next start finds it and becomes its owner.

import { existsSync, renameSync, rmSync, statSync } from "node:fs";
import { type Account, serverAccount } from "./postgres/account.ts";
import { type Binaries, findBinaries } from "./postgres/binaries.ts";
import { initCluster, isComplete } from "./postgres/cluster.ts";
import { lockHolder, type Lock, tryLock } from "./postgres/lock.ts";
import { claim, findPlace, type Place, sibling } from "./postgres/place.ts";
import { preferredPort } from "./postgres/port.ts";
import { createDatabase, probe } from "./postgres/probe.ts";
import { poll } from "./postgres/process.ts";
import { DATABASE, newPassword, readSecrets, type Secrets, urlOf, writeSecrets } from "./postgres/secrets.ts";
import { findRunning, launch, readPidFile, stopServer, type Target } from "./postgres/server.ts";

export type EmbeddedPostgres = {
  /** postgres://user:password@127.0.0.1:port/ringpost; the user is a superuser. */
  url: string;
  port: number;
  pid: number;
  /** False: another living process started it and will stop it. */
  owner: boolean;
  /** Stops the server if we own it; may be called twice. */
  stop(mode?: "fast" | "immediate"): Promise<void>;
};

export type Options = {
  dataDir: string;
  log?: (line: string) => void;
  /** Server settings of this start; a server that is already running keeps its own. */
  settings?: Record<string, string>;
  /** The npm package with the server's programs, when they are not to be this platform's own: for tests of old versions. */
  programs?: string;
};

/** How long a second process waits for the first one's start: copying programs, initdb and recovery included. */
const JOIN_TIMEOUT_MS = 120_000;
const LOG_FILE_LIMIT_BYTES = 10_000_000;

export async function startEmbeddedPostgres(options: Options): Promise<EmbeddedPostgres> {
  const account = serverAccount(options.dataDir);
  const place = findPlace(options.dataDir, account);
  const lockFolder = sibling(place.asked, "lock");
  const server = await poll(JOIN_TIMEOUT_MS, async () => {
    const lock = tryLock(lockFolder);
    return lock ? own(lock, account, options) : join(place);
  });
  if (server) return server;
  throw new Error(`process ${lockHolder(lockFolder)} owns the Postgres in ${place.asked}, which does not answer`);
}

/** Joins the server of this folder if it answers; starts nothing. */
export async function joinEmbeddedPostgres(dataDir: string): Promise<EmbeddedPostgres | undefined> {
  return join(findPlace(dataDir, serverAccount(dataDir)));
}

async function join(place: Place): Promise<EmbeddedPostgres | undefined> {
  const secrets = readSecrets(place.asked);
  const found = secrets && (await probe(secrets, place.dataDir));
  if (!secrets || !found?.hasDatabase) return undefined;
  return describe(secrets, found.pid, false, () => Promise.resolve());
}

async function own(lock: Lock, account: Account | undefined, options: Options): Promise<EmbeddedPostgres> {
  try {
    const place = findPlace(options.dataDir, account);
    const { secrets, pid } = await ensureServer(place, account, options);
    const found = await probe(secrets, place.dataDir);
    if (!found?.hasDatabase) await createDatabase(secrets);
    return describe(secrets, pid, true, async (mode) => {
      await stopServer(pid, place.dataDir, mode);
      lock.release();
    });
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function ensureServer(place: Place, account: Account | undefined, options: Options) {
  const log = options.log ?? (() => undefined);
  const settings = options.settings ?? {};
  if (place.abandoned) await removeAbandoned(place.dataDir, log);
  const binaries = await findBinaries(account, options.programs);
  const secrets = await ensureData(place, account, binaries, settings["fsync"] !== "off", log);
  const logFile = sibling(place.asked, "log");
  const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_FILE_LIMIT_BYTES) renameSync(logFile, `${logFile}.old`);
  const { dataDir, asked } = place;
  const target: Target = { postgres: binaries.postgres, dataDir, asked, account, logFile, settings, log };
  const running = await findRunning(target, secrets);
  if (running !== undefined) log(`took over the Postgres that was left running (pid ${running})`);
  const pid = running ?? (await launch(target, secrets));
  return { pid, secrets: readSecrets(asked) ?? secrets };
}

async function ensureData(
  place: Place,
  account: Account | undefined,
  binaries: Binaries,
  durable: boolean,
  log: (line: string) => void,
): Promise<Secrets> {
  const known = readSecrets(place.asked);
  if (isComplete(place.dataDir)) {
    if (!known)
      throw new Error(`the password file beside ${place.asked} is gone: delete the data, or restore the file`);
    claim(place);
    return known;
  }
  log(`creating a database in ${place.asked}`);
  const secrets = { password: newPassword(), port: known?.port ?? preferredPort(place.asked) };
  writeSecrets(place.asked, secrets);
  await initCluster(binaries.initdb, place.dataDir, account, secrets.password, durable);
  claim(place);
  return secrets;
}

/** Its project folder was deleted, perhaps while the server was running. */
async function removeAbandoned(dataDir: string, log: (line: string) => void): Promise<void> {
  const pid = readPidFile(dataDir)?.pid;
  if (pid !== undefined) await stopServer(pid, dataDir, "immediate");
  if (existsSync(dataDir)) log(`deleting ${dataDir}: the folder that linked to it is gone`);
  rmSync(dataDir, { recursive: true, force: true });
}

function describe(
  secrets: Secrets,
  pid: number,
  owner: boolean,
  halt: (mode: "fast" | "immediate") => Promise<void>,
): EmbeddedPostgres {
  let stopping: Promise<void> | undefined;
  const stop = (mode: "fast" | "immediate" = "fast") => (stopping ??= halt(mode));
  return { url: urlOf(secrets, DATABASE), port: secrets.port, pid, owner, stop };
}
