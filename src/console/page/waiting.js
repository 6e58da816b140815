// What a run waits for, in the server's words, with what stands behind it; and why a run failed.
import { h, put } from "./dom.js";
import { figure, t, when } from "./locale.js";

/** Normal for a busy queue: said quietly, and not as if something were wrong. */
const CALM = ["slot", "pacing"];

export const isWorrying = (/** @type {any} */ why) => Boolean(why) && !CALM.includes(why.reason);

export function waitingNote() {
  let said = "";
  const node = h("div", { class: "note", hidden: true });
  return {
    node,
    /** @param {any} run */
    update(run) {
      const why = run.waiting_for;
      const failed = run.status === "failed" && run.last_error;
      node.hidden = !why && !failed;
      node.classList.toggle("bad", Boolean(failed) || isWorrying(why));
      const facts = failed ? [t().failedHelp] : why ? factsOf(why) : [];
      const holders = (why?.runs ?? []).filter((/** @type {any} */ r) => r.run_id !== run.run_id);
      // Made anew only when it differs: a link in it may have the focus.
      const now = JSON.stringify([failed, why?.message, facts, holders]);
      if (now === said) return;
      said = now;
      const [title, text] = failed
        ? [t().lastError, run.last_error]
        : [isWorrying(why) ? t().whyWaiting : t().nextCall, why?.message];
      put(
        node,
        h("p", {}, h("b", {}, `${title}: `), h("span", { dir: "auto" }, text)),
        ...facts.map((text) => h("p", {}, text)),
        holders.length > 0 && h("p", {}, t().heldBy, ...holders.flatMap(link)),
      );
    },
  };
}

/** @param {{ run_id: number, calls: number }} holder */
const link = ({ run_id, calls }) => [" ", h("a", { href: `#run/${run_id}` }, t().run(run_id)), ` (${figure(calls)})`];

/** Since when, or until when. @param {any} why @returns {string[]} */
function factsOf(why) {
  if (why.reason === "worker")
    return [why.last_heartbeat ? t().lastSign(when(why.last_heartbeat)) : t().noSign, t().workerHelp];
  // A pace's "until" is the next second or so.
  return isWorrying(why) && why.until ? [t().nextTry(when(why.until))] : [];
}
