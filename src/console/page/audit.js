// The audit trail of a run: who did what, and when. What happened to the run stands first; each call on request.
import { get } from "./api.js";
import { h, newId, put } from "./dom.js";
import { faultBox } from "./fault.js";
import { choice } from "./fields.js";
import { figure, t, when } from "./locale.js";

const PAGE = 100;
/** The API gives no cursor behind events of the last 6 seconds, as earlier ones may still come. */
const SETTLING_MS = 6_500;
/** A run of thousands of calls has a long trail; beyond this many pages at once the user asks for more. */
const PAGES_AT_ONCE = 10;

/** @param {number} runId */
export function auditTrail(runId) {
  /** @type {Map<number, any>} */
  const events = new Map();
  /** @type {string | undefined} */
  let cursor;
  let reading = false;
  let again = false;
  const list = h("ol", { class: "trail" });
  const fault = faultBox();
  const box = h("input", { type: "checkbox", onchange: show });
  const more = h("button", { type: "button", hidden: true, onclick: () => void load() }, t().more);
  const id = newId();
  const node = h(
    "section",
    { class: "card", "aria-labelledby": id },
    h("div", { class: "head" }, h("h2", { id }, t().audit), choice(t().auditCalls, box)),
    fault.node,
    list,
    more,
  );

  function show() {
    const shown = [...events.values()].filter((event) => box.checked || event.job_id === null);
    put(list, ...grouped(shown).map(line));
    if (shown.length === 0) put(list, h("li", { class: "muted" }, t().auditEmpty));
  }

  /** Reads on from the last page it saw: the newest events are at the end. */
  async function load() {
    if (reading) return void (again = true);
    reading = true;
    try {
      for (let n = 0; ; n += 1) {
        const page = await get(`outbound/runs/${runId}/audit`, { query: { limit: PAGE, cursor } });
        for (const event of page.items) events.set(event.id, event);
        more.hidden = page.next_cursor === null || n < PAGES_AT_ONCE;
        // More than a page within seconds: what follows is shown when these have settled.
        if (page.next_cursor === null && page.items.length === PAGE && isFresh(page.items.at(-1)))
          setTimeout(() => void load(), SETTLING_MS);
        if (page.next_cursor === null || !more.hidden) break;
        cursor = page.next_cursor;
      }
      fault.clear();
      show();
    } catch (error) {
      fault.show(error, load);
    }
    reading = false;
    if (!again) return;
    again = false;
    void load();
  }
  void load();
  return { node, refresh: () => void load() };
}

/** @param {{ at: string }} event */
const isFresh = ({ at }) => Date.now() - Date.parse(at) < 60_000;

/** The same thing by the same actor several times in a row is one line. @param {any[]} events */
function grouped(events) {
  /** @type {{ event: any, times: number }[]} */
  const groups = [];
  for (const event of events) {
    const last = groups.at(-1);
    if (last && last.event.kind === event.kind && last.event.actor === event.actor && event.job_id === null)
      last.times += 1;
    else groups.push({ event, times: 1 });
  }
  return groups;
}

/** @param {{ event: any, times: number }} group */
function line({ event, times }) {
  const [kind = "", ...name] = String(event.actor).split(":");
  const known = Object.keys(t().details);
  const figures = Object.entries(event.detail ?? {})
    .filter(([name, value]) => known.includes(name) && value !== null)
    .map(([name, value]) => `${t().details[name]}: ${wordOf(value)}`);
  return h(
    "li",
    {},
    h("time", { datetime: event.at, class: "muted" }, when(event.at)),
    h(
      "div",
      {},
      h("b", {}, t().kinds[event.kind] ?? event.kind),
      " ",
      h(
        "span",
        { class: "actor" },
        t().actors[kind] ?? kind,
        " ",
        h("bdi", {}, name.join(":")),
        times > 1 && ` × ${figure(times)}`,
      ),
      figures.length > 0 && h("div", { class: "hint" }, figures.join(" · ")),
    ),
  );
}

/** @param {unknown} value */
function wordOf(value) {
  if (typeof value === "boolean") return value ? t().details["yes"] : t().details["no"];
  if (typeof value === "number") return figure(value);
  return t().outcome[String(value)] ?? (Array.isArray(value) ? figure(value.length) : String(value));
}
