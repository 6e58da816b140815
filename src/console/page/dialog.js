// A question before something that cannot be undone. The browser's own modal dialog: it keeps the focus inside, closes on
// Escape, and gives the focus back to the button that asked.
import { h, newId } from "./dom.js";
import { t } from "./locale.js";

/**
 * @param {{ title: string, lines: (string | Node)[], extra?: Node | false, yes: string, no: string, danger?: boolean }} wish
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, lines, extra, yes, no, danger = false }) {
  const [titleId, textId] = [newId(), newId()];
  const dialog = h("dialog", { "aria-labelledby": titleId, "aria-describedby": textId });
  // The harmless answer is at hand first: Enter on a dialog that surprised somebody does nothing.
  const refuse = h("button", { type: "button", autofocus: true, onclick: () => dialog.close() }, no);
  const agree = h(
    "button",
    { type: "button", class: danger ? "danger" : "primary", onclick: () => dialog.close("yes") },
    yes,
  );
  dialog.append(
    h("h2", { id: titleId }, title),
    h("div", { id: textId }, ...lines.map((line) => h("p", {}, line))),
    ...(extra ? [extra] : []),
    h("div", { class: "actions end" }, refuse, agree),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    }),
  );
}

/** Runs what a button is for: the button is busy meanwhile, and `fault` shows why it failed. @param {HTMLButtonElement} button @param {Element} fault @param {() => Promise<unknown>} work */
export async function busy(button, fault, work) {
  if (button.getAttribute("aria-busy") === "true") return;
  const label = button.textContent;
  button.setAttribute("aria-busy", "true");
  button.textContent = t().working;
  fault.replaceChildren();
  try {
    await work();
  } catch (error) {
    fault.replaceChildren(faultNote(error));
  } finally {
    button.removeAttribute("aria-busy");
    button.textContent = label;
  }
}

/** @param {unknown} error @param {() => void} [again] */
export function faultNote(error, again) {
  const text = error instanceof Error ? error.message : String(error);
  const retry = again && h("button", { type: "button", onclick: again }, t().retry);
  return h("div", { class: "note bad", role: "alert" }, h("p", { dir: "auto" }, text), retry);
}
