// The calls of a run that are under way, and their states.
import { get } from "./api.js";
import { h, newId, phone, put } from "./dom.js";
import { t } from "./locale.js";
import { nameOf, outcomePill, stateOfJob } from "./outcome.js";
import { patience } from "./session.js";

/** A ringing call that is answered moves no count, so that no event tells of it. */
const LIVE_MS = 1_500;

/** @param {number} id */
export function liveCalls(id) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** Calls under way, as the last event said. */
  let calls = 0;
  const heading = newId();
  const list = h("ul", { class: "live" });
  const node = h(
    "section",
    { class: "card", "aria-labelledby": heading, hidden: true },
    h("h2", { id: heading }, t().liveCalls),
    list,
  );

  const none = () => put(list, h("li", { class: "muted" }, t().noLive));
  const line = (/** @type {any} */ job) => h("li", {}, nameOf(job), phone(job.to_number), outcomePill(stateOfJob(job)));

  async function look() {
    const page = (/** @type {string} */ status) => get(`outbound/runs/${id}/jobs`, { query: { status, limit: 50 } });
    const found = document.hidden
      ? undefined
      : await Promise.all(["calling", "dialing"].map(page)).catch(() => undefined);
    if (calls === 0) {
      timer = undefined;
      return none();
    }
    if (found) put(list, ...found.flatMap(({ items }) => items.map(line)));
    timer = setTimeout(() => void look(), LIVE_MS * patience());
  }
  return {
    node,
    /** @param {any} next */
    update(next) {
      calls = next.in_progress;
      node.hidden = next.in_progress === 0 && !["pending", "running"].includes(next.status);
      if (calls === 0) none();
      // The first look is at once; the timer's id comes with it.
      else timer ??= setTimeout(() => void look());
    },
    close: () => void (calls = 0),
  };
}
