// Tells screen readers of a run, seldom: when its state changes, when something stops it from dialling, and at every
// quarter.
import { announce } from "./dom.js";
import { t } from "./locale.js";
import { doneText, stateOf } from "./progress.js";
import { isWorrying } from "./waiting.js";

export function narrator() {
  let last = "";
  return (/** @type {any} */ run) => {
    const quarter = Math.floor((4 * run.cursor_position) / Math.max(1, run.total_leads));
    const why = isWorrying(run.waiting_for) ? run.waiting_for.message : "";
    const now = `${stateOf(run)} ${quarter} ${why}`;
    if (last !== "" && now !== last)
      announce(`${t().run(run.run_id)}: ${t().status[stateOf(run)]}. ${doneText(run)}. ${why}`);
    last = now;
  };
}
