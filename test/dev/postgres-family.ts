// Starts processes that start Postgres, and cleans up after them whatever a test did to them.

import { type ChildProcess, fork } from "node:child_process";
import { on, once } from "node:events";
import { chmodSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { joinEmbeddedPostgres, startEmbeddedPostgres } from "../../src/dev/postgres.ts";
import { isRunning, poll } from "../../src/dev/postgres/process.ts";

export type Started = { url: string; port: number; pid: number; owner: boolean };
type Message = { log?: string; started?: Started };

const CHILD = fileURLToPath(new URL("postgres-child.ts", import.meta.url));
const NO_SYNC = { fsync: "off" };

const deferred = new WeakMap<TestContext, (() => unknown)[]>();

/** Like t.after, but the last one first: children die before their server is stopped, and that before the folder goes. */
export function defer(t: TestContext, work: () => unknown): void {
  const all = deferred.get(t) ?? [];
  if (all.length === 0) {
    t.after(async () => {
      for (const cleanUp of all.toReversed()) await cleanUp();
    });
  }
  all.push(work);
  deferred.set(t, all);
}

export function newFolder(t: TestContext, mode = 0o755): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "ringpost-dev-"));
  chmodSync(folder, mode);
  defer(t, () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A data folder whose server, if one is left at the end, is taken over and stopped. */
export function newDataDir(t: TestContext, parent: string = newFolder(t)): string {
  const dataDir = join(parent, ".data", "postgres");
  defer(t, async () => {
    if (await joinEmbeddedPostgres(dataDir)) await (await start(dataDir)).stop("immediate");
  });
  return dataDir;
}

export function start(dataDir: string) {
  return startEmbeddedPostgres({ dataDir, settings: NO_SYNC });
}

export type Options = { uid?: number; gid?: number; detached?: boolean; module?: string };

export function startChild(t: TestContext, dataDir: string, { module, ...options }: Options = {}): ChildProcess {
  const child = fork(CHILD, module ? [dataDir, module] : [dataDir], { ...options, execPath: process.execPath });
  defer(t, () => kill(child));
  return child;
}

/** The first message that fits; fails when the process ends before. */
export async function hear<T>(child: ChildProcess, pick: (message: Message) => T | undefined): Promise<T> {
  const ended = new AbortController();
  child.once("exit", () => ended.abort());
  for await (const [message] of on(child, "message", { signal: ended.signal })) {
    const picked = pick(message as Message);
    if (picked !== undefined) return picked;
  }
  throw new Error("the process ended without a word");
}

export function started(child: ChildProcess): Promise<Started> {
  return hear(child, (message) => message.started);
}

/** Asks it to stop its server; resolves when the process has ended. */
export async function stopChild(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.send("stop");
  await exited;
}

export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

export async function gone(pid: number): Promise<void> {
  if (!(await poll(20_000, () => !isRunning(pid)))) throw new Error(`process ${pid} is still there`);
}

export async function query(url: string, sql: string): Promise<unknown[][]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<unknown[]>({ text: sql, rowMode: "array" })).rows;
  } finally {
    await client.end();
  }
}
