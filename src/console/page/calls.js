// Recent calls: search, outcome, pages, and what they look like as a whole.
import { get } from "./api.js";
import { callCharts } from "./chart.js";
import { h, own, phone, put } from "./dom.js";
import { select } from "./fields.js";
import { t, talk, when } from "./locale.js";
import { outcomePill, stateOfCall } from "./outcome.js";
import { pagedTable } from "./paged.js";

const PAGE = 25;
/** As many as the API gives at once: what the charts are drawn from. */
const CHARTED = 100;
const REFRESH_MS = 5_000;
const FILTERS = ["completed", "no-answer", "busy", "failed", "canceled", "ringing", "in-progress"];

/** @returns {import("./table.js").Column<any>[]} */
const columns = () => [
  { name: "who", title: t().lead, cell: (c) => own(c.lead_name ?? t().leadNumber(String(c.lead_id ?? "—"))) },
  { name: "number", title: t().phone, cell: (c) => phone(c.to_number) },
  { name: "state", title: t().filter, cell: (c) => outcomePill(stateOfCall(c.status)) },
  { name: "time", title: t().time, cell: (c) => h("time", { datetime: c.started_at }, when(c.started_at)) },
  { name: "length", title: t().duration, cell: (c) => talk(c.duration) },
];

export function callsView() {
  const filter = select([["", t().anyStatus], ...FILTERS.map((s) => pair(s, t().outcome[s] ?? s))]);
  const charts = h("div");
  const list = pagedTable({
    title: t().recent,
    size: PAGE,
    columns: columns(),
    filters: [["status", t().filter, filter]],
    count: t().callsFound,
    async ask(query) {
      const [found, all] = await Promise.all([
        get("outbound/recent-calls", { query }),
        get("outbound/recent-calls", { query: { page_size: CHARTED } }),
      ]);
      put(charts, callCharts(all.items));
      const none = all.total === 0 ? [h("b", {}, t().noCalls), h("p", {}, t().noCallsHint)] : [h("b", {}, t().noMatch)];
      return { ...found, none };
    },
  });
  void list.load();
  const timer = setInterval(() => document.hidden || !list.first() || void list.load(), REFRESH_MS);

  return {
    node: h("div", {}, h("h1", { tabindex: -1 }, t().recent), charts, list.node),
    close() {
      clearInterval(timer);
      list.close();
    },
  };
}

/** @param {string} value @param {string} text @returns {[string, string]} */
const pair = (value, text) => [value, text];
