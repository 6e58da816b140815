// Where a part of the page says why something failed, and what it says while it works.
import { h, put } from "./dom.js";
import { t } from "./locale.js";

/** @typedef {ReturnType<typeof faultBox>} FaultBox */

export function faultBox() {
  const node = h("div");
  let said = "";
  return {
    node,
    clear() {
      said = "";
      put(node);
    },
    /** The same words again are not said again: a page that asks every few seconds would never be silent. @param {unknown} error @param {() => unknown} [again] */
    show(error, again) {
      const text = error instanceof Error ? error.message : String(error);
      if (text === said) return;
      said = text;
      const retry = again && h("button", { type: "button", onclick: again }, t().retry);
      put(node, h("div", { class: "note bad", role: "alert" }, h("p", { dir: "auto" }, text), retry));
    },
  };
}

/** Runs what a button is for: the button is busy meanwhile, and `fault` shows why it failed. @param {HTMLButtonElement} button @param {FaultBox} fault @param {() => Promise<unknown>} work */
export async function busy(button, fault, work) {
  if (button.getAttribute("aria-busy") === "true") return;
  const label = button.textContent;
  button.setAttribute("aria-busy", "true");
  button.textContent = t().working;
  fault.clear();
  try {
    await work();
  } catch (error) {
    fault.show(error);
  } finally {
    button.removeAttribute("aria-busy");
    button.textContent = label;
  }
}
