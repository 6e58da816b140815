// Cleaning up runs that lost their worker: for owners and admins, when a run does not move.
import { post } from "./api.js";
import { confirmed } from "./dialog.js";
import { h } from "./dom.js";
import { busy, faultBox } from "./fault.js";
import { t } from "./locale.js";
import { who } from "./session.js";

/** @param {() => void} changed */
export function cleanUp(changed) {
  const fault = faultBox();
  const said = h("p", { class: "muted", role: "status", tabindex: -1 });
  const button = h("button", { type: "button", class: "quiet", onclick: () => void ask() }, t().cleanUp);
  const offer = h("p", { class: "muted", hidden: true }, t().cleanUpOffer, " ", button);

  async function ask() {
    const lines = [t().cleanUpText, t().cleanUpAfter];
    if (!(await confirmed({ title: t().cleanUpTitle, lines, yes: t().cleanUp, no: t().notNow }))) return;
    said.textContent = "";
    await busy(button, fault, async () => {
      said.textContent = (await post("outbound/cleanup-stuck-jobs")).message;
      changed();
    });
  }
  return {
    node: h("div", { class: "clean-up" }, offer, said, fault.node),
    /** Only an open run can be stuck. @param {boolean} anyOpen */
    update(anyOpen) {
      const shown = anyOpen && who().manages;
      if (!shown && document.activeElement === button) said.focus();
      offer.hidden = !shown;
    },
  };
}
