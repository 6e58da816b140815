// The calls of a run that are under way, and their states.
import { get } from "./api.js";
import { h, newId } from "./dom.js";
import { jobColumns } from "./jobs.js";
import { t } from "./locale.js";
import { patience } from "./session.js";
import { table } from "./table.js";

/** A ringing call that is answered moves no count, so that no event tells of it. */
const LIVE_MS = 1_500;

/** @param {number} id */
export function liveCalls(id) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** Calls under way, as the last event said. */
  let calls = 0;
  const heading = newId();
  const list = table(t().liveCalls, jobColumns());
  const none = h("p", { class: "muted" }, t().noLive);
  const node = h(
    "section",
    { class: "card live", "aria-labelledby": heading, hidden: true },
    h("h2", { id: heading }, t().liveCalls),
    list.node,
    none,
  );

  /** @param {any[]} jobs */
  function show(jobs) {
    list.show(jobs);
    list.node.hidden = jobs.length === 0;
    none.hidden = jobs.length > 0;
  }

  async function look() {
    const page = (/** @type {string} */ status) => get(`outbound/runs/${id}/jobs`, { query: { status, limit: 50 } });
    const found = document.hidden
      ? undefined
      : await Promise.all(["calling", "dialing"].map(page)).catch(() => undefined);
    if (calls === 0) {
      timer = undefined;
      return show([]);
    }
    if (found) show(found.flatMap(({ items }) => items));
    timer = setTimeout(() => void look(), LIVE_MS * patience());
  }
  show([]);
  return {
    node,
    /** @param {any} next */
    update(next) {
      calls = next.in_progress;
      node.hidden = next.in_progress === 0 && !["pending", "running"].includes(next.status);
      if (calls === 0) show([]);
      // The first look is at once; the timer's id comes with it.
      else timer ??= setTimeout(() => void look());
    },
    close: () => void (calls = 0),
  };
}
