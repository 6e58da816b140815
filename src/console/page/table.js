// A table that becomes a stack of small cards on a phone. The roles are written out because CSS that changes `display`
// would take them away.
import { h } from "./dom.js";

/**
 * @template Row
 * @param {string} caption
 * @param {{ name: string, title: string, cell: (row: Row) => import("./dom.js").Child }[]} columns `name`: its class
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
  /** @param {Row} row */
  const line = (row) =>
    h("tr", { role: "row" }, ...columns.map(({ name, cell }) => h("td", { role: "cell", class: name }, cell(row))));
  return {
    node,
    /** @param {Row[]} rows */
    show: (rows) => body.replaceChildren(...rows.map(line)),
    /** @param {Row[]} rows */
    add: (rows) => body.append(...rows.map(line)),
  };
}
