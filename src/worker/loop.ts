// A dumb loop around one verb: run, wait, run again; a failure is told and does not end it.
import { setTimeout as sleep } from "node:timers/promises";

export interface Loop {
  /** Ends the wait, lets a run in progress finish. */
  stop(): Promise<void>;
}

export function loop(everyMs: number, run: () => Promise<void>, failed: (error: unknown) => void): Loop {
  const stopping = new AbortController();
  const ended = (async () => {
    while (!stopping.signal.aborted) {
      await run().catch(failed);
      await sleep(everyMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}
