// One run that somebody watches: read again when it changed, at most four times a second, and told to all who watch it.
// The reading is shared: five hundred watchers of a run cost as many queries as one.
import { createHash } from "node:crypto";
import type { Door, RunRow, Tenant } from "../../db/tenant.ts";
import type { Waiting } from "../runs/waiting.ts";
import { isOpen, runView } from "./views.ts";

/** Four a second; the last change of a burst is always read, after it. */
const READ_GAP_MS = 250;
/** After a read that failed: the database is away, and the listener will say when it is back. */
const RETRY_MS = 1_000;

export type WaitingFor = (door: Door, runId: number) => Promise<Waiting | null>;

export interface RunState {
  run: RunRow;
  waiting: Waiting | null;
  /** `<newest event of the trail>-<print of what a watcher sees>`. */
  id: string;
  /** Nothing more will change: the run has ended and no call of it is live. */
  final: boolean;
}

export interface Watcher {
  /** Undefined: the run is gone. */
  state(state: RunState | undefined): void;
  /** Time for a sign of life. */
  beat(): void;
  close(): void;
}

export class Watched {
  readonly watchers = new Set<Watcher>();
  readonly #read: () => Promise<RunState | undefined>;
  readonly #failed: (error: unknown) => void;
  #last: RunState | undefined;
  #readAt = -Infinity;
  #reading = false;
  #again = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(read: () => Promise<RunState | undefined>, failed: (error: unknown) => void) {
    this.#read = read;
    this.#failed = failed;
  }

  /** The state of a moment ago is told at once: what has changed since then was noticed, and follows. */
  add(watcher: Watcher): void {
    this.watchers.add(watcher);
    if (this.#last && performance.now() - this.#readAt < READ_GAP_MS) watcher.state(this.#last);
    else this.changed();
  }

  /** Something happened: read soon, and not before the last reading is READ_GAP_MS old. */
  changed(): void {
    if (this.#reading) this.#again = true;
    else
      this.#timer ??= setTimeout(
        () => void this.#refresh(),
        Math.max(0, this.#readAt + READ_GAP_MS - performance.now()),
      );
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.watchers.clear();
  }

  async #refresh(): Promise<void> {
    this.#timer = undefined;
    this.#reading = true;
    this.#readAt = performance.now();
    try {
      this.#last = await this.#read();
      for (const watcher of this.watchers) watcher.state(this.#last);
    } catch (error) {
      this.#failed(error);
      this.#readAt += RETRY_MS;
      this.#again = true;
    }
    this.#reading = false;
    if (!this.#again || this.watchers.size === 0) return;
    this.#again = false;
    this.changed();
  }
}

/** Reads the run through its own business's door. */
export async function readState(tenant: Tenant, waitingFor: WaitingFor, runId: number): Promise<RunState | undefined> {
  const found = await tenant.watchRun(runId);
  if (!found) return undefined;
  const { run, newestEvent } = found;
  const waiting = isOpen(run) ? await waitingFor(tenant.door, run.id) : null;
  const print = createHash("sha256")
    .update(JSON.stringify([runView(run), waiting]))
    .digest("hex")
    .slice(0, 12);
  return {
    run,
    waiting,
    id: `${newestEvent}-${print}`,
    final: !isOpen(run) && (run.engine !== "ringpost" || !run.inProgressCount),
  };
}
