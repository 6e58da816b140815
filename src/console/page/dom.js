// Elements made of text, never of markup: names and errors are strangers' words, and nothing here parses HTML.

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, unknown>} [props] attributes; `on…` are listeners; null, undefined and false are left out
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [props]
 * @param {...Child} children
 * @returns {SVGElement}
 */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

/**
 * @template {Element} E
 * @param {E} element
 * @param {Record<string, unknown>} props
 * @param {Child[]} children
 * @returns {E}
 */
function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else element.setAttribute(name, value === true ? "" : `${/** @type {string | number} */ (value)}`);
  }
  put(element, ...children);
  return element;
}

/** Replaces what is inside. @param {Element} element @param {...Child} children */
export function put(element, ...children) {
  element.replaceChildren(...children.filter((c) => c !== null && c !== undefined && c !== false).map(asNode));
}

/** @param {Child} child @returns {Node | string} */
const asNode = (child) => (child instanceof Node ? child : String(child));

/** Text only where it differs, so that a screen reader and a selection are left in peace. @param {Node} node @param {string} text */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A phone number: left to right, and kept apart from what stands around it. @param {string | null} number */
export const phone = (number) => h("bdi", { dir: "ltr", class: "phone" }, number ?? "—");

/** What a person typed, in whatever direction it runs. @param {string | null | undefined} text */
export const own = (text) => h("bdi", {}, text ?? "—");

let nextId = 0;
/** An id for `for` and `aria-labelledby`. */
export const newId = () => `x${(nextId += 1)}`;

/** Said to screen readers, politely. @param {string} text */
export function announce(text) {
  const region = document.getElementById("announcer");
  if (region) region.textContent = text;
}
