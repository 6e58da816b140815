// The leads of a run and what became of each.
import { get } from "./api.js";
import { h, newId, phone } from "./dom.js";
import { faultBox } from "./fault.js";
import { select } from "./fields.js";
import { t, when } from "./locale.js";
import { nameOf, outcomePill, stateOfJob } from "./outcome.js";
import { table } from "./table.js";

const STATES = /** @type {const} */ (["queued", "dialing", "calling", "completed", "failed", "cancelled"]);

/** @returns {import("./table.js").Column<any>[]} */
export const jobColumns = () => [
  { name: "who", title: t().lead, cell: nameOf },
  { name: "number", title: t().phone, cell: (job) => phone(job.to_number) },
  { name: "state", title: t().filter, cell: (job) => outcomePill(stateOfJob(job)) },
];

/** @param {number} id */
export function jobList(id) {
  /** @type {string | null} */
  let cursor = null;
  let pages = 1;
  const heading = newId();
  const fault = faultBox();
  const filter = select([["", t().allLeads], ...STATES.map(option)], {
    "aria-label": t().filter,
    onchange: () => ((pages = 1), void load()),
  });
  const list = table(t().leads, [
    ...jobColumns(),
    { name: "time", title: t().time, cell: (job) => when(job.completed_at ?? job.started_at) },
  ]);
  const empty = h("p", { class: "muted", hidden: true }, t().noLeads);
  const more = h("button", { type: "button", hidden: true, onclick: () => ((pages += 1), void load()) }, t().more);

  async function load() {
    /** @type {any[]} */
    const jobs = [];
    cursor = null;
    try {
      for (let n = 0; n < pages; n += 1) {
        const query = { limit: 20, status: filter.value, cursor: cursor ?? undefined };
        const page = await get(`outbound/runs/${id}/jobs`, { query });
        jobs.push(...page.items);
        cursor = page.next_cursor;
        if (cursor === null) break;
      }
      list.show(jobs);
      list.node.hidden = jobs.length === 0;
      empty.hidden = jobs.length > 0;
      more.hidden = cursor === null;
      fault.clear();
    } catch (error) {
      fault.show(error, load);
    }
  }
  void load();
  return {
    node: h(
      "section",
      { class: "card", "aria-labelledby": heading },
      h("div", { class: "head" }, h("h2", { id: heading }, t().leads), filter),
      fault.node,
      list.node,
      empty,
      more,
    ),
    refresh: () => void load(),
  };
}

/** @param {typeof STATES[number]} state @returns {[string, string]} */
const option = (state) => [state, t().jobStates[state]];
