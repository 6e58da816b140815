// Recent calls: search, outcome, pages, and what they look like as a whole.
import { get } from "./api.js";
import { callCharts } from "./chart.js";
import { faultNote } from "./dialog.js";
import { announce, h, newId, own, phone, put } from "./dom.js";
import { figure, t, talk, when } from "./locale.js";
import { outcomePill, stateOfCall } from "./outcome.js";
import { table } from "./table.js";

const PAGE = 25;
/** As many as the API gives at once: what the charts are drawn from. */
const CHARTED = 100;
const REFRESH_MS = 5_000;
const TYPING_MS = 300;
const FILTERS = ["completed", "no-answer", "busy", "failed", "canceled", "ringing", "in-progress"];

const callColumns = () => [
  {
    name: "who",
    title: t().lead,
    cell: (/** @type {any} */ c) => own(c.lead_name ?? t().leadNumber(String(c.lead_id ?? "—"))),
  },
  { name: "number", title: t().phone, cell: (/** @type {any} */ c) => phone(c.to_number) },
  { name: "state", title: t().filter, cell: (/** @type {any} */ c) => outcomePill(stateOfCall(c.status)) },
  {
    name: "time",
    title: t().time,
    cell: (/** @type {any} */ c) => h("time", { datetime: c.started_at }, when(c.started_at)),
  },
  { name: "length", title: t().duration, cell: (/** @type {any} */ c) => talk(c.duration) },
];

export function callsView() {
  let page = 1;
  let closed = false;
  let asked = 0;
  const [searchId, filterId] = [newId(), newId()];
  const search = h("input", { type: "search", id: searchId, maxlength: 200, dir: "auto" });
  const filter = h(
    "select",
    { id: filterId },
    h("option", { value: "" }, t().anyStatus),
    ...FILTERS.map((s) => h("option", { value: s }, t().outcome[s] ?? s)),
  );
  const charts = h("div");
  const fault = h("div");
  const list = table(t().recent, callColumns());
  const empty = h("div", { class: "empty" }, h("p", {}, t().loading));
  const where = h("span", { class: "muted" });
  const back = h("button", { type: "button", onclick: () => turn(-1) }, t().previous);
  const on = h("button", { type: "button", onclick: () => turn(1) }, t().next);
  const pager = h("nav", { class: "actions pager", "aria-label": t().recent }, back, where, on);

  /** @param {boolean} [loud] whether the user asked */
  async function load(loud = true) {
    const turnNo = (asked += 1);
    try {
      const query = { page, page_size: PAGE, search: search.value.trim(), status: filter.value };
      const [found, all] = await Promise.all([
        get("outbound/recent-calls", { query }),
        get("outbound/recent-calls", { query: { page_size: CHARTED } }),
      ]);
      if (closed || turnNo !== asked) return;
      const pages = Math.max(1, Math.ceil(found.total / PAGE));
      list.show(found.items);
      list.node.hidden = found.items.length === 0;
      empty.hidden = found.items.length > 0;
      put(
        empty,
        h("p", {}, h("b", {}, all.total === 0 ? t().noCalls : t().noMatch)),
        all.total === 0 && h("p", {}, t().noCallsHint),
      );
      put(where, t().page(figure(page), figure(pages)));
      pager.hidden = pages === 1;
      back.disabled = page === 1;
      on.disabled = page >= pages;
      put(charts, callCharts(all.items));
      put(fault);
      if (loud) announce(`${figure(found.total)} ${t().callsWord}`);
    } catch (error) {
      if (closed || turnNo !== asked) return;
      empty.hidden = true;
      put(
        fault,
        faultNote(error, () => void load()),
      );
    }
  }
  /** @param {number} by */
  function turn(by) {
    page += by;
    void load();
  }
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  const changed = () => {
    clearTimeout(typing);
    page = 1;
    typing = setTimeout(() => void load(), TYPING_MS);
  };
  search.addEventListener("input", changed);
  filter.addEventListener("change", changed);
  list.node.hidden = pager.hidden = true;
  void load(false);
  const timer = setInterval(() => document.hidden || page > 1 || void load(false), REFRESH_MS);

  return {
    node: h(
      "div",
      {},
      h("h1", { tabindex: -1 }, t().recent),
      charts,
      h(
        "div",
        { class: "card" },
        h(
          "div",
          { class: "filters" },
          h("div", { class: "field" }, h("label", { for: searchId }, t().search), search),
          h("div", { class: "field" }, h("label", { for: filterId }, t().filter), filter),
        ),
        fault,
        list.node,
        empty,
        pager,
      ),
    ),
    close() {
      closed = true;
      clearInterval(timer);
      clearTimeout(typing);
    },
  };
}
