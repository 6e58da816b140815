// The rest of a stopped or cancelled run: a button that calls those whom it did not get to, as a new run.
import { callRest } from "./calling.js";
import { confirmed } from "./dialog.js";
import { h, put, say } from "./dom.js";
import { busy } from "./fault.js";
import { t } from "./locale.js";

/** @param {import("./fault.js").FaultBox} fault @param {() => void} changed */
export function restOfRun(fault, changed) {
  /** @type {any} */
  let run;
  /** Pressed here: the new run has its own button. The server would call nobody twice either way. */
  let called = false;
  const report = h("div");
  const button = h("button", { type: "button", hidden: true, onclick: () => void ask() });

  async function ask() {
    const lines = [t().restText, t().restSkips];
    const title = t().restTitle(run.cancelled);
    if (!(await confirmed({ title, lines, yes: t().start, no: t().notNow }))) return;
    put(report);
    await busy(button, fault, async () => {
      await callRest(run.run_id, report);
      called = true;
      button.hidden = true;
      changed();
    });
  }

  return {
    button,
    report,
    /** @param {any} next @returns {boolean} whether there is a rest to call */
    update(next) {
      run = next;
      // While it works the button says so.
      if (button.getAttribute("aria-busy") !== "true") say(button, t().callRest(run.cancelled));
      return !called && run.cancelled > 0 && isOver(run);
    },
  };
}

/** A failed run is resumed instead, unless somebody has stopped its queue. @param {any} run */
const isOver = ({ status, cancel_requested: stopped }) =>
  ["stopped", "cancelled"].includes(status) || (status === "failed" && stopped);
