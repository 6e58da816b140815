// A run's bar and its counts, which move in place.
import { h, say } from "./dom.js";
import { figure, t } from "./locale.js";
import { toneOf } from "./outcome.js";

const PARTS = /** @type {const} */ (["completed", "failed", "cancelled", "in_progress", "queued"]);
const COUNTS = /** @type {const} */ (["queued", "in_progress", "completed", "failed", "cancelled"]);

export const isOpen = (/** @type {any} */ run) => run.status === "pending" || run.status === "running";

/** What a run is called on the screen: one that has been asked to cancel says so before it is. @param {any} run */
export const stateOf = (run) => (run.cancel_requested && isOpen(run) ? "cancelling" : run.status);

/** How far a run has come. One that was ended early has not "done" whom it never called. @param {any} run */
export function doneText(run) {
  if (!["stopped", "cancelled"].includes(run.status) && !run.cancel_requested)
    return t().doneOf(figure(run.cursor_position), figure(run.total_leads));
  const called = t().called(run.total_leads - run.queued - run.cancelled);
  return run.cancelled > 0 ? `${called}, ${t().notCalled(run.cancelled)}` : called;
}

export function statusPill() {
  const node = h("span", { class: "pill" });
  return {
    node,
    /** @param {any} run */
    update(run) {
      const state = stateOf(run);
      node.className = `pill ${toneOf(state)}`;
      say(node, t().status[state] ?? state);
    },
  };
}

export function progressBar() {
  const parts = PARTS.map((name) => h("span", { class: `part ${name}` }));
  const bar = h("div", { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-label": t().progress }, ...parts);
  const text = h("p", { class: "muted" });
  return {
    bar,
    text,
    /** @param {any} run */
    update(run) {
      PARTS.forEach((name, i) => parts[i]?.style.setProperty("flex-grow", String(run[name])));
      const words = doneText(run);
      bar.setAttribute("aria-valuemax", String(run.total_leads));
      bar.setAttribute("aria-valuenow", String(run.cursor_position));
      bar.setAttribute("aria-valuetext", words);
      bar.classList.toggle("moving", run.in_progress > 0);
      say(text, words);
    },
  };
}

export function countTiles() {
  const values = COUNTS.map(() => h("dd"));
  const node = h(
    "dl",
    { class: "counts" },
    ...COUNTS.map((name, i) => h("div", { class: name }, h("dt", {}, t().counts[name]), values[i])),
  );
  return {
    node,
    /** @param {any} run */
    update(run) {
      COUNTS.forEach((name, i) => values[i] && say(values[i], figure(run[name])));
    },
  };
}
