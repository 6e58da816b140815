// A run's server-sent events, read with fetch because EventSource cannot send a token in a header.
import { open, Problem } from "./api.js";

/** Longer silence than two of the server's signs of life: the connection is dead, whatever the browser thinks. */
const SILENCE_MS = 45_000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Watches until the run ends or `stop` is called; comes back after a break, where it left off. Rests while the tab is hidden.
 * @param {number} runId
 * @param {{ progress: (run: any) => void, end?: () => void, connected?: (yes: boolean) => void }} on
 * @returns {() => void} stop
 */
export function watchRun(runId, on) {
  let stopped = false;
  let lastId = "";
  let retryMs = 2_000;
  let failures = 0;
  let cut = new AbortController();
  /** @type {(() => void) | undefined} */
  let wake;

  const onVisibility = () => (document.hidden ? cut.abort() : wake?.());
  document.addEventListener("visibilitychange", onVisibility);

  /** @param {string} name @param {string} data */
  const deliver = (name, data) => {
    failures = 0;
    on.connected?.(true);
    if (name === "progress") on.progress(JSON.parse(data));
    if (name === "end") {
      stop();
      on.end?.();
    }
  };

  async function listen() {
    cut = new AbortController();
    const response = await open(`outbound/runs/${runId}/events`, {
      headers: lastId ? { "Last-Event-ID": lastId } : {},
      signal: cut.signal,
    });
    if (!response.body) return;
    let watchdog = setTimeout(() => cut.abort(), SILENCE_MS);
    let rest = "";
    let event = { name: "message", data: "" };
    try {
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
        clearTimeout(watchdog);
        watchdog = setTimeout(() => cut.abort(), SILENCE_MS);
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          const [, field = "", value = ""] = /^([a-z]*): ?(.*)$/.exec(line) ?? [];
          if (field === "event") event.name = value;
          if (field === "data") event.data += value;
          if (field === "id") lastId = value;
          if (field === "retry") retryMs = Number(value) || retryMs;
          if (line !== "") continue;
          if (event.data && !stopped) deliver(event.name, event.data);
          event = { name: "message", data: "" };
        }
      }
    } finally {
      clearTimeout(watchdog);
    }
  }

  async function loop() {
    while (!stopped) {
      /** @type {unknown} */
      const fault = await listen().catch((error) => error);
      if (stopped) return;
      // Signed out, or the run is not ours (any more): asking again would not help.
      if (fault instanceof Problem && [401, 403, 404].includes(fault.status)) return stop();
      on.connected?.(false);
      failures += 1;
      const backOff = Math.min(LONGEST_PAUSE_MS, retryMs * 2 ** Math.min(failures - 1, 5));
      await new Promise((resolve) => {
        wake = () => resolve(undefined);
        if (!document.hidden) setTimeout(resolve, backOff * (0.75 + Math.random() / 2));
      });
      wake = undefined;
    }
  }

  function stop() {
    stopped = true;
    document.removeEventListener("visibilitychange", onVisibility);
    cut.abort();
    wake?.();
  }
  void loop();
  return stop;
}
