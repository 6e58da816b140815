// The runs of the business, newest first, moving by themselves; the lines in use; and where calling starts.
import { runActions } from "./actions.js";
import { get } from "./api.js";
import { cleanUp } from "./cleanUp.js";
import { h, put, say } from "./dom.js";
import { faultBox } from "./fault.js";
import { figures } from "./figures.js";
import { t, when } from "./locale.js";
import { narrator } from "./narrator.js";
import { countTiles, isOpen, progressBar, statusPill } from "./progress.js";
import { startPanel } from "./start.js";
import { watchRun } from "./stream.js";
import { waitingNote } from "./waiting.js";

const PAGE = 20;
const REFRESH_MS = 4_000;
/** A browser opens six connections to a server over HTTP/1.1: streams must leave some. Further runs move with the list. */
const STREAMS = 3;

export function runsView() {
  /** @type {Map<number, ReturnType<typeof runCard>>} */
  const cards = new Map();
  /** @type {Map<number, { stop: () => void, live: boolean }>} */
  const streams = new Map();
  let closed = false;
  /** Each run as it was last told, by the list or by its stream. @type {Map<number, any>} */
  const known = new Map();
  /** The page after the oldest shown. @type {string | null} */
  let older = null;
  const strip = figures();
  // Who watches and stops comes first. A card stays where it is when its run ends: nothing jumps under the pointer.
  const now = h("ul", { class: "runs", "aria-label": t().activeRuns });
  const past = h("ul", { class: "runs", "aria-label": t().earlier });
  const title = h("h2", { hidden: true }, t().earlier);
  const empty = h("div", { class: "empty" }, h("p", {}, t().loading));
  const fault = faultBox();
  const start = startPanel(() => void load());
  const tidy = cleanUp(() => void load());
  const more = h("button", { type: "button", hidden: true, onclick: () => void showOlder() }, t().more);

  /** @param {any[]} runs */
  function show(runs) {
    for (const run of runs) {
      const card = cards.get(run.run_id) ?? runCard(run.run_id, () => void load());
      if (!cards.has(run.run_id)) place(card.node, isOpen(run) ? now : past, run.run_id);
      cards.set(run.run_id, card);
      // What a run waits for is told by its stream alone; while that is being taken up again, the last word holds.
      const why = isOpen(run) ? known.get(run.run_id)?.waiting_for : null;
      if (!streams.get(run.run_id)?.live) told(card, { ...run, waiting_for: why });
      if (isOpen(run) && !streams.has(run.run_id) && streams.size < STREAMS) watch(run.run_id, card);
    }
    title.hidden = past.childElementCount === 0;
    empty.hidden = cards.size > 0;
    if (cards.size > 0) return;
    strip.runs([]);
    put(empty, h("b", {}, t().noRuns), h("p", {}, t().noRunsHint));
  }

  /** @param {ReturnType<typeof runCard>} card @param {any} run */
  function told(card, run) {
    card.update(run);
    known.set(run.run_id, run);
    strip.runs([...known.values()]);
    tidy.update([...known.values()].some(isOpen));
  }

  /** @param {number} id @param {ReturnType<typeof runCard>} card */
  function watch(id, card) {
    const stream = { live: false, stop: () => {} };
    const tell = narrator();
    streams.set(id, stream);
    stream.stop = watchRun(id, {
      progress(run) {
        told(card, run);
        tell(run);
        void strip.refresh();
      },
      connected: (yes) => (stream.live = yes),
      end() {
        streams.delete(id);
        void load();
      },
    });
  }

  async function load() {
    try {
      const { items, next_cursor } = await get("outbound/runs", { query: { limit: PAGE } });
      if (closed) return;
      if (cards.size <= items.length) older = next_cursor;
      more.hidden = older === null;
      show(items);
      start.refresh();
      fault.clear();
    } catch (error) {
      if (closed) return;
      empty.hidden = true;
      fault.show(error, load);
    }
    void strip.refresh();
  }

  async function showOlder() {
    try {
      const query = { limit: PAGE, cursor: older ?? undefined };
      const { items, next_cursor } = await get("outbound/runs", { query });
      older = next_cursor;
      more.hidden = older === null;
      show(items);
    } catch (error) {
      fault.show(error, showOlder);
    }
  }

  void load();
  const timer = setInterval(() => document.hidden || void load(), REFRESH_MS);
  return {
    node: h(
      "div",
      {},
      h("h1", { tabindex: -1, class: "unseen" }, t().runs),
      fault.node,
      strip.node,
      now,
      tidy.node,
      start.node,
      title,
      past,
      empty,
      more,
    ),
    close() {
      closed = true;
      clearInterval(timer);
      for (const { stop } of streams.values()) stop();
    },
  };
}

/** Newest first. @param {HTMLElement} card @param {HTMLElement} list @param {number} id */
function place(card, list, id) {
  card.dataset["id"] = String(id);
  list.insertBefore(
    card,
    [...list.children].find((c) => Number(/** @type {HTMLElement} */ (c).dataset["id"]) < id) ?? null,
  );
}

/** @param {number} id @param {() => void} changed */
function runCard(id, changed) {
  const [pill, progress, counts, deeds, waiting] = [
    statusPill(),
    progressBar(),
    countTiles(),
    runActions(changed),
    waitingNote(),
  ];
  const made = h("time", { class: "muted" });
  const node = h(
    "li",
    { class: "card run" },
    h("div", { class: "head" }, h("h2", {}, h("a", { href: `#run/${id}` }, t().run(id))), pill.node, made),
    progress.bar,
    progress.text,
    waiting.node,
    h("div", { class: "foot" }, counts.node, deeds.node),
  );
  return {
    node,
    /** @param {any} run */
    update(run) {
      for (const part of [pill, progress, counts, deeds, waiting]) part.update(run);
      say(made, when(run.created_at));
    },
  };
}
