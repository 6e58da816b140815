// Labelled inputs: each with its label, and its hint read out with it.
import { h, newId } from "./dom.js";

/** @typedef {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} Input */

/** @param {string} label @param {Input} input @param {string} [hint] @param {string} [extraClass] */
export const field = (label, input, hint = "", extraClass = "") => labelled(`field ${extraClass}`, input, label, hint);

/** A box to tick, before its label. @param {string} label @param {HTMLInputElement} box @param {string} [hint] */
export const choice = (label, box, hint = "") => labelled("choice", box, label, hint);

/** @param {string} kind @param {Input} input @param {string} label @param {string} hint */
function labelled(kind, input, label, hint) {
  input.id ||= newId();
  const note = hint && h("p", { class: "hint", id: newId() }, hint);
  if (note) input.setAttribute("aria-describedby", note.id);
  const name = h("label", { for: input.id }, label);
  return h("div", { class: kind }, ...(kind === "choice" ? [input, name] : [name, input]), note);
}

/** @param {[value: string | number, text: string][]} options @param {Record<string, unknown>} [props] */
export const select = (options, props = {}) =>
  h("select", props, ...options.map(([value, text]) => h("option", { value }, text)));
