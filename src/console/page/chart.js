// Two small charts of calls: what became of them (a ring) and when they were (columns). What they show also stands beside
// them in words.
import { h, svg } from "./dom.js";
import { figure, isRtl, percent, t, when } from "./locale.js";
import { isLive, stateOfCall, toneOf } from "./outcome.js";

/** The columns of the chart over time. */
const COLUMNS = 24;
/** One hundred units around: a share is its own length. */
const RADIUS = 100 / (2 * Math.PI);
/** Outcomes in the order in which they are drawn; others come last. */
const ORDER = ["completed", "no-answer", "busy", "failed", "canceled"];

/** @param {{ status: string, started_at: string }[]} calls newest first */
export function callCharts(calls) {
  if (calls.length === 0) return h("div");
  return h("div", { class: "charts" }, outcomes(calls), overTime(calls));
}

/** @param {{ status: string }[]} calls */
function outcomes(calls) {
  const groups = Object.entries(Object.groupBy(calls, (call) => stateOfCall(call.status))).map(([status, list]) => ({
    status,
    n: list?.length ?? 0,
  }));
  const rank = (/** @type {string} */ s) => ORDER.indexOf(s) + 1 || ORDER.length + 1;
  groups.sort((a, b) => rank(a.status) - rank(b.status));
  let from = 0;
  const arcs = groups.map(({ status, n }) => {
    const share = (100 * n) / calls.length;
    const arc = svg("circle", {
      class: `arc ${toneOf(status)}`,
      r: RADIUS,
      "stroke-dasharray": `${share} ${100 - share}`,
      "stroke-dashoffset": -from,
    });
    from += share;
    return arc;
  });
  const ring = svg("svg", { viewBox: "-20 -20 40 40", class: "ring", "aria-hidden": "true" }, ...arcs);
  ring.append(svg("text", { "text-anchor": "middle", y: 2.5 }, figure(calls.length)));
  const legend = groups.map(({ status, n }) =>
    h(
      "li",
      {},
      h("span", { class: `dot ${toneOf(status)}` }),
      t().outcome[status] ?? status,
      h("b", {}, figure(n)),
      h("span", { class: "muted" }, percent(n / calls.length)),
    ),
  );
  return figureOf(
    t().outcomes,
    calls.length,
    h("div", { class: "ring-row" }, ring, h("ul", { class: "legend" }, ...legend)),
  );
}

/** @param {{ status: string, started_at: string }[]} calls */
function overTime(calls) {
  const times = calls.map((call) => Date.parse(call.started_at));
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const width = Math.max(1, (last - first) / COLUMNS);
  const bins = Array.from({ length: COLUMNS }, () => ({ answered: 0, ended: 0, all: 0 }));
  calls.forEach((call, i) => {
    const bin = bins[Math.min(COLUMNS - 1, Math.floor(((times[i] ?? first) - first) / width))];
    if (!bin) return;
    bin.all += 1;
    if (!isLive(stateOfCall(call.status))) bin.ended += 1;
    if (call.status === "completed") bin.answered += 1;
  });
  const live = bins.some((bin) => bin.ended < bin.all);
  const top = Math.max(...bins.map((bin) => bin.all));
  const columns = bins.flatMap(({ all, ended, answered }, i) => {
    // Time runs the way the language is read.
    const x = (isRtl() ? COLUMNS - 1 - i : i) * 10 + 1.5;
    // One before the other: what is seen of the taller ones stands on top.
    return /** @type {const} */ ([
      ["live", all],
      ["", ended],
      ["completed", answered],
    ]).map(([tone, n]) => {
      const height = (60 * n) / top;
      return svg("rect", { class: `column ${tone}`, x, y: 60 - height, width: 7, height });
    });
  });
  // Calls of one second have one time, not a span from it to itself.
  const [from, to] = [when(iso(first)), when(iso(last))];
  const ends = from === to ? [from] : [from, to];
  const words = t().overTimeText(figure(calls.length), ends, figure(top));
  const drawing = svg(
    "svg",
    {
      viewBox: `0 0 ${COLUMNS * 10} 61`,
      preserveAspectRatio: "none",
      class: "columns",
      role: "img",
      "aria-label": words,
    },
    svg("line", { x1: 0, x2: COLUMNS * 10, y1: 60.5, y2: 60.5, class: "axis" }),
    ...columns,
  );
  const key = (/** @type {string} */ tone, /** @type {string} */ text) =>
    h("span", { class: "key" }, h("span", { class: `dot ${tone}` }), text);
  return figureOf(
    t().overTime,
    calls.length,
    h(
      "p",
      { class: "keys muted" },
      key("completed", t().answered),
      key("", t().others),
      live && key("live", t().counts.in_progress),
      t().tallest(figure(top)),
    ),
    drawing,
    h("div", { class: "axis-ends muted" }, ...ends.map((text) => h("span", {}, text))),
  );
}

/** @param {number} at */
const iso = (at) => new Date(at).toISOString();

/** @param {string} title @param {number} n @param {...Node} inside */
const figureOf = (title, n, ...inside) =>
  h(
    "figure",
    { class: "card" },
    h("figcaption", {}, h("b", {}, title), " ", h("span", { class: "muted" }, t().lastCalls(figure(n)))),
    ...inside,
  );
