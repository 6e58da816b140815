// Why nothing new is dialled right now, in the server's words; and why a run failed.
import { h, say } from "./dom.js";
import { t } from "./locale.js";

/** Normal for a busy queue: said quietly. */
const CALM = ["slot", "pacing"];

export function waitingNote() {
  const title = h("b");
  const text = h("span", { dir: "auto" });
  const node = h("p", { class: "note", hidden: true }, title, " ", text);
  return {
    node,
    /** @param {any} run */
    update(run) {
      const why = run.waiting_for;
      const failed = run.status === "failed" && run.last_error;
      node.hidden = !why && !failed;
      if (failed) {
        say(title, `${t().lastError}:`);
        say(text, run.last_error);
      } else if (why) {
        say(title, `${t().whyWaiting}:`);
        say(text, why.message);
      }
      node.classList.toggle("bad", Boolean(failed) || (why && !CALM.includes(why.reason)));
    },
  };
}
