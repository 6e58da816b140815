// What the server said of an action. It is true until the run moves on: 'Cancelling: no further calls' must not stand
// under 'Cancelled'.
import { h, say } from "./dom.js";
import { t } from "./locale.js";
import { isOpen, stateOf } from "./progress.js";

export function saidBox() {
  /** The state that the action leads to, and whether the run has been seen in it. */
  let [aim, reached] = ["", false];
  /** The state in which it was asked for. */
  let from = "";
  const node = h("p", { class: "muted", role: "status", tabindex: -1 });
  return {
    node,
    /** @param {string} message @param {string} leadsTo @param {any} run as it was when it was asked */
    tell(message, leadsTo, run) {
      [aim, reached, from] = [leadsTo, false, stateOf(run)];
      node.textContent = message;
    },
    /** @param {any} run */
    update(run) {
      if (node.textContent === "") return;
      const state = stateOf(run);
      if (state === aim) reached = true;
      // A state from before the answer may still come in behind it.
      else if (reached || !(state === from || isOpen(run)))
        // With the focus on it, it says what is so now: an empty line would leave the keyboard nowhere.
        say(node, document.activeElement === node ? (t().status[state] ?? state) : "");
    },
  };
}
