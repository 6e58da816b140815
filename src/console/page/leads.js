// The leads of a run and what became of each.
import { get } from "./api.js";
import { faultNote } from "./dialog.js";
import { h, newId, phone, put } from "./dom.js";
import { t, when } from "./locale.js";
import { nameOf, outcomePill, stateOfJob } from "./outcome.js";
import { table } from "./table.js";

const STATES = ["queued", "dialing", "calling", "completed", "failed", "cancelled"];

/** @param {number} id */
export function leadList(id) {
  /** @type {string | null} */
  let cursor = null;
  let pages = 1;
  const [heading, filterId] = [newId(), newId()];
  const fault = h("div");
  const filter = h(
    "select",
    { id: filterId, onchange: () => ((pages = 1), void load()) },
    h("option", { value: "" }, t().anyStatus),
    ...STATES.map((s) =>
      h(
        "option",
        { value: s },
        s === "completed" || s === "failed" || s === "cancelled" ? t().status[s] : (t().outcome[s] ?? s),
      ),
    ),
  );
  const list = table(t().leads, [
    { name: "who", title: t().lead, cell: nameOf },
    { name: "number", title: t().phone, cell: (/** @type {any} */ job) => phone(job.to_number) },
    {
      name: "state",
      title: t().filter,
      cell: (/** @type {any} */ job) => outcomePill(stateOfJob(job)),
    },
    { name: "time", title: t().time, cell: (/** @type {any} */ job) => when(job.completed_at ?? job.started_at) },
  ]);
  const empty = h("p", { class: "muted", hidden: true }, t().noLeads);
  const more = h("button", { type: "button", hidden: true, onclick: () => ((pages += 1), void load()) }, t().more);

  async function load() {
    /** @type {any[]} */
    const jobs = [];
    cursor = null;
    try {
      for (let n = 0; n < pages; n += 1) {
        const page = await get(`outbound/runs/${id}/jobs`, {
          query: { limit: 20, status: filter.value, cursor: cursor ?? undefined },
        });
        jobs.push(...page.items);
        cursor = page.next_cursor;
        if (cursor === null) break;
      }
      list.show(jobs);
      list.node.hidden = jobs.length === 0;
      empty.hidden = jobs.length > 0;
      more.hidden = cursor === null;
      put(fault);
    } catch (error) {
      put(
        fault,
        faultNote(error, () => void load()),
      );
    }
  }
  void load();
  return {
    node: h(
      "section",
      { class: "card", "aria-labelledby": heading },
      h(
        "div",
        { class: "head" },
        h("h2", { id: heading }, t().leads),
        h("label", { for: filterId, class: "unseen" }, t().filter),
        filter,
      ),
      fault,
      list.node,
      empty,
      more,
    ),
    refresh: () => void load(),
  };
}
