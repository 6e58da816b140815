// A table that becomes a stack of small cards on a phone. The roles are written out because CSS that changes `display`
// would take them away.
import { h, put } from "./dom.js";

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} name its class
 * @property {import("./dom.js").Child} title
 * @property {(row: Row) => import("./dom.js").Child} cell
 */

/**
 * @template Row
 * @param {string} caption
 * @param {Column<Row>[]} columns
 */
export function table(caption, columns) {
  const body = h("tbody", { role: "rowgroup" });
  const head = columns.map(({ title, name }) => h("th", { role: "columnheader", scope: "col", class: name }, title));
  const node = h(
    "table",
    { role: "table", class: "stack" },
    h("caption", { class: "unseen" }, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...head)),
    body,
  );
  const line = (/** @type {Row} */ row) =>
    h("tr", { role: "row" }, ...columns.map(({ name, cell }) => h("td", { role: "cell", class: name }, cell(row))));
  let shown = "[]";
  return {
    node,
    /** Left in peace when nothing has changed: somebody may be reading, or selecting. @param {Row[]} rows */
    show(rows) {
      const now = JSON.stringify(rows);
      if (now !== shown) put(body, ...rows.map(line));
      shown = now;
    },
  };
}
