// Stop, cancel, resume, and calling the rest: each says what it will do before it does it.
import { post } from "./api.js";
import { confirmed } from "./dialog.js";
import { h, say } from "./dom.js";
import { busy, faultBox } from "./fault.js";
import { choice } from "./fields.js";
import { t } from "./locale.js";
import { isOpen } from "./progress.js";
import { restOfRun } from "./rest.js";
import { saidBox } from "./said.js";

/** @param {() => void} changed asked after each answer: read again */
export function runActions(changed) {
  /** @type {any} */
  let run;
  const fault = faultBox();
  const said = saidBox();
  const rest = restOfRun(fault, changed);
  const button = (/** @type {string} */ tone, /** @type {string} */ text, /** @type {() => Promise<void>} */ ask) =>
    h("button", { type: "button", class: tone, onclick: () => void ask() }, text);
  const stop = button("danger", t().stop, askStop);
  const cancel = button("", t().cancel, askCancel);
  const force = button("", t().forceCancel, askForce);
  const resume = button("primary", t().resume, askResume);
  const node = h(
    "div",
    { class: "deeds" },
    h("div", { class: "actions" }, rest.button, resume, cancel, force, stop),
    said.node,
    fault.node,
    rest.report,
  );

  /** @param {HTMLButtonElement} button @param {string} leadsTo a state @param {string} path @param {unknown} [body] */
  const send = (button, leadsTo, path, body) =>
    busy(button, fault, async () => {
      const before = run;
      const { message } = await post(path, body);
      said.tell(message, leadsTo, before);
      changed();
    });

  async function askStop() {
    const live = h("span", { "aria-live": "polite" }, t().stopLive(run.in_progress));
    const box = h("input", { type: "checkbox" });
    box.addEventListener("change", () =>
      say(live, box.checked ? t().stopHangUp(run.in_progress) : t().stopLive(run.in_progress)),
    );
    const lines = [t().stopQueued(run.queued), live, t().stopFinal];
    const extra = run.in_progress > 0 && choice(t().hangUp, box, t().hangUpHint);
    if (await confirmed({ title: t().stopTitle(run.run_id), lines, yes: t().stop, no: t().keep, extra, danger: true }))
      await send(stop, "stopped", "outbound/stop-queue", { run_id: run.run_id, hang_up: box.checked });
  }
  async function askCancel() {
    const lines = [t().cancelText, t().cancelVsStop];
    if (await confirmed({ title: t().cancelTitle(run.run_id), lines, yes: t().cancel, no: t().keep, danger: true }))
      await send(cancel, "cancelling", `outbound_calls/jobs/${run.run_id}/cancel`);
  }
  async function askForce() {
    const lines = [t().forceText, t().stopQueued(run.queued), t().stopLive(run.in_progress), t().forceFinal];
    const wish = { title: t().cancelTitle(run.run_id), lines, yes: t().forceCancel, no: t().notNow, danger: true };
    if (await confirmed(wish)) await send(force, "cancelled", `outbound_calls/jobs/${run.run_id}/force-cancel`);
  }
  async function askResume() {
    const lines = [t().resumeText(run.queued)];
    if (await confirmed({ title: t().resumeTitle(run.run_id), lines, yes: t().resume, no: t().notNow }))
      await send(resume, "running", `outbound/runs/${run.run_id}/resume`);
  }

  return {
    node,
    /** @param {any} next */
    update(next) {
      run = next;
      said.update(run);
      // The old system's runs are stopped and resumed there.
      const ours = run.waiting_for?.reason !== "old_system";
      // A plain cancel is carried out by a worker: without one it would only wait.
      const alone = isOpen(run) && run.waiting_for?.reason === "worker";
      for (const [button, shown] of /** @type {const} */ ([
        [stop, ours && isOpen(run)],
        [cancel, run.can_cancel && !alone],
        [force, alone],
        [resume, ours && run.status === "failed" && !run.cancel_requested],
        [rest.button, rest.update(run)],
      ])) {
        // A button that disappears under the focus would throw the keyboard back to the top of the page.
        if (!shown && document.activeElement === button) said.node.focus();
        button.hidden = !shown;
      }
    },
  };
}
