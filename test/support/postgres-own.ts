// A private server for tests that restart, kill or freeze Postgres.

import { chmodSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/dev/postgres.ts";
import { isRunning, signal } from "../../src/dev/postgres/process.ts";
import { readPidFile, stopServer } from "../../src/dev/postgres/server.ts";
import type { Scope } from "./postgres.ts";

export type OwnServer = {
  /** The same over every restart. */
  url: string;
  readonly pid: number;
  /** Stops cleanly and starts again. */
  restart(): Promise<void>;
  /** Ends it without a shutdown, as a crash does: connections break, the next start recovers. */
  stopImmediate(): Promise<void>;
  /** After stopImmediate. */
  start(): Promise<void>;
  /** Freezes the postmaster and every backend: connections stay open, nothing answers. */
  pause(): Promise<void>;
  resume(): void;
};

const PREFIX = "ringpost-own-";
const NO_SYNC = { fsync: "off" };

/** Commits still reach the files before they are answered, so a crash of Postgres itself loses nothing. */
export async function startOwnServer(
  t: Scope,
  settings: Record<string, string> = NO_SYNC,
  programs?: string,
): Promise<OwnServer> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), `${PREFIX}${process.pid}-`));
  chmodSync(folder, 0o755);
  const start = () =>
    startEmbeddedPostgres({ dataDir: join(folder, "postgres"), settings, ...(programs ? { programs } : {}) });
  let server: EmbeddedPostgres = await start();
  let frozen: number[] = [];

  const resume = () => {
    for (const pid of frozen) signal(pid, "SIGCONT");
    frozen = [];
  };
  t.after(async () => {
    resume();
    await server.stop("immediate");
    rmSync(folder, { recursive: true, force: true });
  });

  const { url } = server;
  const startAgain = async () => {
    server = await start();
    if (server.url !== url) throw new Error("the private server's port was taken while it was down");
  };
  return {
    url,
    get pid() {
      return server.pid;
    },
    async restart() {
      await server.stop("fast");
      await startAgain();
    },
    stopImmediate: () => server.stop("immediate"),
    start: startAgain,
    async pause() {
      frozen = await freeze(server);
    },
    resume,
  };
}

/** The postmaster first, so that no backend is born while the others are being counted; our own backend last. */
async function freeze(server: EmbeddedPostgres): Promise<number[]> {
  const client = new Client({ connectionString: server.url });
  client.on("error", () => undefined);
  await client.connect();
  signal(server.pid, "SIGSTOP");
  const { rows } = await client.query<{ pid: number }>(
    "select pid from pg_stat_activity order by pid = pg_backend_pid()",
  );
  const backends = rows.map((row) => row.pid);
  for (const pid of backends) signal(pid, "SIGSTOP");
  void client.end().catch(() => undefined);
  return [server.pid, ...backends];
}

/** Stops and deletes the private servers of test processes that were killed. */
export async function reapOwnServers(): Promise<void> {
  const parent = realpathSync(tmpdir());
  for (const name of readdirSync(parent).filter((entry) => entry.startsWith(PREFIX))) {
    const pid = Number.parseInt(name.slice(PREFIX.length), 10);
    if (isRunning(pid)) continue;
    const dataDir = join(parent, name, "postgres");
    const postmaster = readPidFile(dataDir)?.pid;
    if (postmaster !== undefined) {
      signal(postmaster, "SIGCONT");
      await stopServer(postmaster, dataDir, "immediate");
    }
    rmSync(join(parent, name), { recursive: true, force: true });
  }
}
