// Stop, cancel and resume: each says what it will do before it does it.
import { post } from "./api.js";
import { busy, confirmed } from "./dialog.js";
import { announce, h, newId, say } from "./dom.js";
import { figure, t } from "./locale.js";
import { isOpen, stateOf } from "./progress.js";

/** @param {() => void} changed asked after each answer: read again */
export function runActions(changed) {
  /** @type {any} */
  let run;
  const fault = h("div");
  const said = h("p", { class: "muted", role: "status", tabindex: -1 });
  const stop = h("button", { type: "button", class: "danger", onclick: () => void askStop() }, t().stop);
  const cancel = h("button", { type: "button", onclick: () => void askCancel() }, t().cancel);
  const resume = h("button", { type: "button", class: "primary", onclick: () => void askResume() }, t().resume);
  const node = h("div", { class: "deeds" }, h("div", { class: "actions" }, resume, cancel, stop), said, fault);

  /** @param {HTMLButtonElement} button @param {string} path @param {unknown} [body] */
  const send = (button, path, body) =>
    busy(button, fault, async () => {
      const { message } = await post(path, body);
      said.textContent = message;
      changed();
    });

  async function askStop() {
    const box = h("input", { type: "checkbox", id: newId() });
    const hint = h("p", { class: "hint", id: newId() }, t().hangUpHint);
    box.setAttribute("aria-describedby", hint.id);
    const live = h("span", { "aria-live": "polite" }, t().stopLive(run.in_progress));
    box.addEventListener("change", () =>
      say(live, box.checked ? t().stopHangUp(run.in_progress) : t().stopLive(run.in_progress)),
    );
    const extra = h("div", { class: "choice" }, box, h("label", { for: box.id }, t().hangUp), hint);
    const lines = [t().stopQueued(run.queued), live, t().stopFinal];
    const wish = { title: t().stopTitle(run.run_id), lines, yes: t().stop, no: t().keep, danger: true };
    if (await confirmed({ ...wish, extra: run.in_progress > 0 && extra }))
      await send(stop, "outbound/stop-queue", { run_id: run.run_id, hang_up: box.checked });
  }
  async function askCancel() {
    const lines = [t().cancelText, t().cancelVsStop];
    if (await confirmed({ title: t().cancelTitle(run.run_id), lines, yes: t().cancel, no: t().keep, danger: true }))
      await send(cancel, `outbound_calls/jobs/${run.run_id}/cancel`);
  }
  async function askResume() {
    const lines = [t().resumeText(run.queued)];
    if (await confirmed({ title: t().resumeTitle(run.run_id), lines, yes: t().resume, no: t().notNow }))
      await send(resume, `outbound/runs/${run.run_id}/resume`);
  }

  return {
    node,
    /** @param {any} next */
    update(next) {
      run = next;
      for (const [button, shown] of /** @type {const} */ ([
        [stop, isOpen(run)],
        [cancel, run.can_cancel],
        [resume, run.status === "failed"],
      ])) {
        // A button that disappears under the focus would throw the keyboard back to the top of the page.
        if (!shown && document.activeElement === button) said.focus();
        button.hidden = !shown;
      }
    },
  };
}

/** Tells screen readers of a run seldom: when its state changes, and at every quarter. */
export function narrator() {
  let last = "";
  return (/** @type {any} */ run) => {
    const quarter = Math.floor((4 * run.cursor_position) / Math.max(1, run.total_leads));
    const now = `${stateOf(run)} ${quarter}`;
    if (last !== "" && now !== last)
      announce(
        `${t().run(run.run_id)}: ${t().status[stateOf(run)]}. ${t().doneOf(figure(run.cursor_position), figure(run.total_leads))}.`,
      );
    last = now;
  };
}
