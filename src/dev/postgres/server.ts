// Starts, finds and stops the server process of one data directory. The process lives in a session of its own, so that
// the terminal's Ctrl-C reaches the program only, and the database outlives the drain.

import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Account, runAs } from "./account.ts";
import { freePort, isPortFree } from "./port.ts";
import { probe } from "./probe.ts";
import { anyoneWorksIn, isTaken, poll, signal, worksIn } from "./process.ts";
import { type Secrets, writeSecrets } from "./secrets.ts";

/** Crash recovery of a busy queue takes seconds; a minute means that something else is wrong. */
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
const START_ATTEMPTS = 5;
/** Backends outlive a killed postmaster by moments, and a new one refuses to start beside them. */
const ORPHANS_TIMEOUT_MS = 10_000;

const SETTINGS = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "", // a path in a project folder is easily longer than the 107 bytes a socket may have
  shared_buffers: "128MB",
  max_connections: "200",
  timezone: "UTC",
  log_timezone: "UTC",
  wal_level: "minimal",
  max_wal_senders: "0",
};

export type Target = {
  postgres: string;
  dataDir: string;
  asked: string;
  account: Account | undefined;
  logFile: string;
  settings: Record<string, string>;
  log: (line: string) => void;
};

/** The pid of the server that runs on this data already, once it answers. A dead server's pid file is dealt with. */
export async function findRunning(target: Target, secrets: Secrets): Promise<number | undefined> {
  const pid = readPidFile(target.dataDir)?.pid;
  if (pid === undefined) return undefined;
  if (!worksIn(pid, target.dataDir)) {
    await clearStalePidFile(target.dataDir, pid);
    return undefined;
  }
  const answer = await poll(START_TIMEOUT_MS, async () => {
    if (!worksIn(pid, target.dataDir)) return "gone";
    const port = readPidFile(target.dataDir)?.port ?? secrets.port;
    return (await probe({ ...secrets, port }, target.dataDir)) && port;
  });
  if (answer === undefined) throw new Error(`Postgres (pid ${pid}) runs on ${target.dataDir} but does not answer`);
  if (answer === "gone") return undefined;
  if (answer !== secrets.port) writeSecrets(target.asked, { ...secrets, port: answer });
  return pid;
}

/** Starts it on the port it had before, if that is free, and resolves when it answers. */
export async function launch(target: Target, secrets: Secrets): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = (await isPortFree(secrets.port)) ? secrets.port : await freePort();
    if (port !== secrets.port) target.log(`port ${secrets.port} is taken, Postgres listens on ${port}`);
    const current = { ...secrets, port };
    writeSecrets(target.asked, current);
    const child = spawnServer(target, port);
    const outcome = await poll(START_TIMEOUT_MS, async () => {
      if (child.exitCode !== null || child.signalCode !== null) return "exited";
      return (await probe(current, target.dataDir)) ? "ready" : undefined;
    });
    if (outcome === "ready" && child.pid !== undefined) return child.pid;
    if (child.pid !== undefined && outcome === undefined) signal(child.pid, "SIGQUIT");
    if (attempt === START_ATTEMPTS) throw new Error(`Postgres did not start:\n${lastLines(target.logFile)}`);
  }
}

/** Fast: sessions are rolled back, then a clean shutdown. Immediate: no shutdown at all, the next start recovers. */
export async function stopServer(pid: number, dataDir: string, mode: "fast" | "immediate"): Promise<void> {
  const gone = () => !worksIn(pid, dataDir);
  if (gone()) return;
  signal(pid, mode === "fast" ? "SIGINT" : "SIGQUIT");
  if (await poll(STOP_TIMEOUT_MS, gone)) return;
  signal(pid, "SIGQUIT");
  if (!(await poll(STOP_TIMEOUT_MS, gone))) throw new Error(`Postgres (pid ${pid}) does not stop`);
}

export function readPidFile(dataDir: string): { pid: number; port: number | undefined } | undefined {
  let lines: string[];
  try {
    lines = readFileSync(join(dataDir, "postmaster.pid"), "utf8").split("\n");
  } catch {
    return undefined;
  }
  const pid = Number.parseInt(lines[0] ?? "", 10);
  const port = Number.parseInt(lines[3] ?? "", 10);
  return pid > 0 ? { pid, port: port > 0 ? port : undefined } : undefined;
}

/**
 * A pid that is gone is left for Postgres, which also checks the shared memory named in the file. A pid that is taken,
 * by another program since a reboot or by a zombie that nobody reaps, would stop Postgres: the file goes, but not before
 * the last process in the data has gone.
 */
async function clearStalePidFile(dataDir: string, pid: number): Promise<void> {
  if (!(await poll(ORPHANS_TIMEOUT_MS, () => !anyoneWorksIn(dataDir))))
    throw new Error(`processes of a dead Postgres still work in ${dataDir}`);
  if (isTaken(pid)) rmSync(join(dataDir, "postmaster.pid"), { force: true });
}

function spawnServer(target: Target, port: number) {
  const settings = { ...SETTINGS, ...target.settings, port: String(port) };
  const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const output = openSync(target.logFile, "a", 0o600);
  try {
    const child = spawn(target.postgres, ["-D", target.dataDir, ...args], {
      ...runAs(target.account),
      cwd: target.dataDir,
      detached: true,
      stdio: ["ignore", output, output],
    });
    child.unref();
    return child;
  } finally {
    closeSync(output);
  }
}

function lastLines(file: string): string {
  return readFileSync(file, "utf8").split("\n").slice(-15).join("\n");
}
