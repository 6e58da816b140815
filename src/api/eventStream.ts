// One client's stream of server-sent events. Only the newest state waits to be sent: a client that reads slowly misses
// states in between, never the last one, and costs no memory.
import type { RunState, Watcher } from "./watched.ts";

/** A token may be good for long, and whom it names may not: after this the client comes back and is looked at again. */
const LONGEST_MS = 60 * 60_000;
/** How soon a client that was cut off comes back. */
const RETRY_MS = 2_000;

export interface EventStreamOptions {
  /** Begins the watching; throws what refuses it. */
  watch: (watcher: Watcher) => () => void;
  /** What a progress event says. */
  body: (state: RunState) => object;
  /** The id of the last event that the client has seen. */
  lastId: string | undefined;
  /** When the token ends, in milliseconds since 1970; noticed at the next beat. */
  expiresAt: number;
}

const printOf = (id: string | undefined) => id?.split("-")[1];

export function eventStream({ watch, body, lastId, expiresAt }: EventStreamOptions): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder();
  const openedAt = performance.now();
  let newest: RunState | undefined;
  let seen = printOf(lastId);
  let beatDue = false;
  let over = false;
  let wake: (() => void) | undefined;
  const tell = () => wake?.();

  const watcher: Watcher = {
    state(state) {
      if (state) newest = state;
      else over = true;
      tell();
    },
    beat() {
      beatDue = true;
      over ||= performance.now() - openedAt > LONGEST_MS || Date.now() >= expiresAt;
      tell();
    },
    close() {
      over = true;
      tell();
    },
  };
  const leave = watch(watcher);

  /** What to send now; "" when there is nothing yet. */
  const take = (): string => {
    const state = newest;
    newest = undefined;
    const isNews = state && printOf(state.id) !== seen;
    const parts: string[] = [];
    if (state && isNews) parts.push(event("progress", state.id, body(state)));
    if (state) seen = printOf(state.id);
    if (state?.final) {
      parts.push(event("end", state.id, { run_id: state.run.id, status: state.run.status }));
      over = true;
    }
    if (parts.length === 0 && beatDue) parts.push(": still here\n\n");
    beatDue = false;
    return parts.join("");
  };

  return new ReadableStream<Uint8Array>({
    start: (out) => out.enqueue(bytes.encode(`retry: ${RETRY_MS}\n\n`)),
    async pull(out) {
      for (;;) {
        const text = take();
        if (text) out.enqueue(bytes.encode(text));
        if (over) {
          leave();
          return out.close();
        }
        if (text) return;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    cancel() {
      leave();
      watcher.close();
    },
  });
}

const event = (name: string, id: string, data: object): string =>
  `event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
