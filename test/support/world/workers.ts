// Workers of a test: in this process, or as real child processes that can be killed.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { twilioDialler } from "../../../src/dialling/twilio.ts";
import type { Dialler } from "../../../src/dialling/dialler.ts";
import type { Logger } from "../../../src/log.ts";
import type { Limits } from "../../../src/runs/engine.ts";
import { startWorker, type Worker, type WorkerOptions } from "../../../src/worker.ts";
import type { Scope } from "../postgres.ts";

/** What a worker needs; plain data, so that a child process can get it as JSON. */
export interface WorkerSetup {
  databaseUrl: string;
  publicUrl: string;
  carrier: { url: string; accountSid: string; authToken: string };
  limits: Limits;
}

export const diallerOf = ({ carrier, limits }: WorkerSetup): Dialler =>
  twilioDialler({
    accountSid: carrier.accountSid,
    authToken: carrier.authToken,
    apiUrl: carrier.url,
    timeoutMs: limits.postTimeoutMs,
  });

/** Longest that a test's end waits for calls in flight. */
const GRACE_MS = 500;

export type StartWorker = (options: WorkerOptions) => Promise<Worker>;

/** `start`: the worker's code, when it is not the project's own (see mutant.ts). */
export async function startTestWorker(
  scope: Scope,
  setup: WorkerSetup,
  log: Logger,
  options: Partial<WorkerOptions> = {},
  start: StartWorker = startWorker,
): Promise<Worker> {
  const { databaseUrl, publicUrl, limits } = setup;
  const worker = await start({ databaseUrl, publicUrl, limits, log, dialler: diallerOf(setup), ...options });
  let stopped: Promise<void> | undefined;
  const stop = (graceMs: number) => (stopped ??= worker.stop(graceMs));
  scope.after(() => stop(GRACE_MS));
  return { identity: worker.identity, stop };
}

export interface ChildWorker {
  pid: number;
  /** Its boot id. */
  id: string;
  /** Ends in order. */
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  exited: Promise<unknown>;
}

/** Resolves when the worker is ready. It ends with this process, however that dies. */
export async function spawnTestWorker(scope: Scope, setup: WorkerSetup): Promise<ChildWorker> {
  const script = fileURLToPath(new URL("worker-process.ts", import.meta.url));
  // stderr is the log: only what goes wrong.
  const child = spawn(process.execPath, [script, JSON.stringify(setup)], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  scope.after(() => end(child, exited));
  const lines = createInterface({ input: child.stdout });
  const ready = once(lines, "line") as Promise<[string]>;
  const [line] = await Promise.race([
    ready,
    exited.then((): never => {
      throw new Error("the worker process ended before it was ready");
    }),
  ]);
  return {
    pid: child.pid!,
    id: line,
    stop: () => end(child, exited),
    kill: (signal) => void child.kill(signal),
    exited,
  };
}

async function end(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill("SIGTERM");
    // A test may have left it frozen.
    child.kill("SIGCONT");
  }
  await exited;
}
