// A table with a search, filters and pages.
import { announce, h, put } from "./dom.js";
import { faultBox } from "./fault.js";
import { field } from "./fields.js";
import { figure, t } from "./locale.js";
import { table } from "./table.js";

const TYPING_MS = 300;

/**
 * @template Row
 * @param {object} wish
 * @param {string} wish.title
 * @param {number} wish.size rows of a page
 * @param {import("./table.js").Column<Row>[]} wish.columns
 * @param {[name: string, label: string, input: HTMLSelectElement][]} wish.filters by the name of their query parameter
 * @param {(query: Record<string, string | number>) => Promise<{ total: number, items: Row[], none: import("./dom.js").Child[] }>} wish.ask
 *   `none`: what to say when there is no item
 * @param {(found: number) => string} wish.count how many were found, in words
 * @param {Node} [wish.above] stands between filters and table
 */
export function pagedTable({ title, size, columns, filters, ask, count, above }) {
  let page = 1;
  let asked = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  const search = h("input", { type: "search", maxlength: 200, dir: "auto" });
  const fault = faultBox();
  const list = table(title, columns);
  const empty = h("div", { class: "empty" }, h("p", {}, t().loading));
  const where = h("span", { class: "muted" });
  const back = h("button", { type: "button", onclick: () => turn(-1) }, t().previous);
  const on = h("button", { type: "button", onclick: () => turn(1) }, t().next);
  const steps = h("span", { class: "actions" }, back, on);
  const pager = h("nav", { class: "foot", "aria-label": title }, where, steps);
  list.node.hidden = pager.hidden = true;

  /** @param {boolean} [loud] whether the user asked */
  async function load(loud = false) {
    const turnNo = (asked += 1);
    try {
      const chosen = filters.map(([name, , input]) => [name, input.value]);
      const found = await ask({ page, page_size: size, search: search.value.trim(), ...Object.fromEntries(chosen) });
      if (turnNo !== asked) return;
      const pages = Math.max(1, Math.ceil(found.total / size));
      // The last page has gone, with what was deleted.
      if (page > pages) return void ((page = pages), load(loud));
      list.show(found.items);
      empty.hidden = found.items.length > 0;
      list.node.hidden = pager.hidden = !empty.hidden;
      put(empty, ...found.none);
      const total = count(found.total);
      put(where, pages > 1 ? `${total} · ${t().page(figure(page), figure(pages))}` : total);
      steps.hidden = pages === 1;
      back.disabled = page === 1;
      on.disabled = page === pages;
      fault.clear();
      if (loud) announce(total);
    } catch (error) {
      if (turnNo !== asked) return;
      empty.hidden = true;
      fault.show(error, () => load());
    }
  }
  /** @param {number} by */
  function turn(by) {
    page += by;
    void load(true);
  }
  function changed() {
    clearTimeout(typing);
    page = 1;
    typing = setTimeout(() => void load(true), TYPING_MS);
  }
  search.addEventListener("input", changed);
  for (const [, , input] of filters) input.addEventListener("change", changed);

  return {
    node: h(
      "div",
      { class: "card" },
      h(
        "div",
        { class: "filters" },
        field(t().search, search, "", "grow"),
        ...filters.map(([, label, input]) => field(label, input)),
      ),
      fault.node,
      above,
      list.node,
      empty,
      pager,
    ),
    load,
    first: () => page === 1,
    close() {
      asked += 1;
      clearTimeout(typing);
    },
  };
}
