// Who a worker is: a boot id that is never the same twice, and enough of its machine to tell whether its pid is gone.
import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import type { WorkerIdentity } from "../runs/engine.ts";

const here = new Set<string>();

export function identify(): WorkerIdentity {
  const id = randomUUID();
  here.add(id);
  return { id, name: `${hostname()}:${process.pid}`, host: host(), pid: process.pid };
}

/** Whether the worker runs in this very process. */
export const isLocal = (workerId: string): boolean => here.has(workerId);

export function leave(worker: WorkerIdentity): void {
  here.delete(worker.id);
}

/** Two containers may share a name and a pid; they share neither boot nor process namespace as well. */
function host(): string {
  const boot = attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  const processes = attempt(() => readlinkSync("/proc/self/ns/pid"));
  return `${hostname()} ${boot} ${processes}`;
}

function attempt(read: () => string): string {
  try {
    return read();
  } catch {
    return "-";
  }
}
