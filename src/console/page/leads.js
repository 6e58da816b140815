// Imported leads: found, looked through page by page, selected, called, deleted.
import { get } from "./api.js";
import { filePicker, importFile } from "./calling.js";
import { deleteAll, deleteOne } from "./deleting.js";
import { h, own, phone, put } from "./dom.js";
import { busy, faultBox } from "./fault.js";
import { select } from "./fields.js";
import { figure, t, when } from "./locale.js";
import { pagedTable } from "./paged.js";
import { selection } from "./selection.js";
import { who } from "./session.js";

const PAGE = 25;

export function leadsView() {
  const { manages } = who();
  /** @type {Map<number, string>} */
  const listNames = new Map();
  const statuses = new Set();
  let imported = 0;
  const fault = faultBox();
  const report = h("div");
  const said = h("p", { class: "muted", role: "status", tabindex: -1 });
  const listFilter = select([["", t().allLists]]);
  const statusFilter = select([["", t().anyLeadStatus]]);
  const chosen = selection({ done: (message) => void reread(message), fault, report });

  const list = pagedTable({
    title: t().leads,
    size: PAGE,
    columns: columns(),
    filters: [
      ["list_id", t().list, listFilter],
      ["statuses[]", t().leadStatus, statusFilter],
    ],
    count: t().leadsFound,
    above: chosen.node,
    async ask(query) {
      const found = await get("outbound/import-leads", { query });
      chosen.page(found.items);
      offerStatuses(found.items);
      all.hidden = !manages || found.current_count === 0;
      imported = found.current_count;
      const hint = manages && h("p", {}, t().noImportedHint);
      const none = found.current_count === 0 ? [h("b", {}, t().noImported), hint] : [h("b", {}, t().noLeadMatch)];
      return { ...found, none };
    },
  });

  /** @returns {import("./table.js").Column<any>[]} */
  function columns() {
    /** @type {import("./table.js").Column<any>[]} */
    const shown = [
      { name: "pick", title: h("span", { class: "unseen" }, t().select), cell: chosen.box },
      { name: "who", title: t().lead, cell: (lead) => own(lead.name ?? t().leadNumber(String(lead.id))) },
      { name: "number", title: t().phone, cell: (lead) => phone(lead.phone) },
      { name: "list", title: t().list, cell: (lead) => own(listNames.get(lead.list_id)) },
      { name: "state", title: t().leadStatus, cell: (lead) => own(t().leadStates[lead.status] ?? lead.status) },
      { name: "time", title: t().importedAt, cell: (lead) => when(lead.created_at) },
    ];
    const remove = (/** @type {any} */ lead) => {
      const done = (/** @type {string} */ message) => (chosen.drop(lead.id), void reread(message));
      return deleteOne(lead, { done, fault });
    };
    if (manages) shown.push({ name: "act", title: h("span", { class: "unseen" }, t().delete), cell: remove });
    return shown;
  }

  /** The statuses are the CRM's own words: those that were seen can be asked for. @param {{ status: string | null }[]} leads */
  function offerStatuses(leads) {
    for (const { status } of leads) {
      if (!status || statuses.has(status)) continue;
      statuses.add(status);
      statusFilter.append(h("option", { value: status }, t().leadStates[status] ?? status));
    }
  }

  /** @param {number | string} [selected] */
  async function readLists(selected = listFilter.value) {
    const { lists } = await get("outbound/import-lists").catch(() => ({ lists: [] }));
    const options = lists.map((/** @type {any} */ l) => {
      listNames.set(l.id, l.name);
      return h("option", { value: l.id }, t().listOf(l.name, figure(l.current_leads)));
    });
    put(listFilter, h("option", { value: "" }, t().allLists), ...options);
    listFilter.value = String(selected);
  }

  async function importChosen() {
    const file = picker.files?.[0];
    if (!file) return;
    put(report);
    await readLists(await importFile(file, report));
    await list.load();
  }
  const pick = h("button", { type: "button", onclick: () => picker.click() }, t().importButton);
  const picker = filePicker({
    hidden: true,
    onchange: () => void busy(pick, fault, importChosen).finally(() => (picker.value = "")),
  });
  const all = h("button", { type: "button", class: "danger", hidden: true, onclick: askAll }, t().deleteAll);
  function askAll() {
    const done = (/** @type {string} */ message) => (chosen.clear(), void reread(message));
    void deleteAll(all, imported, { done, fault });
  }
  /** @param {string} message what was done */
  async function reread(message) {
    said.textContent = message;
    await readLists();
    await list.load();
    // The row that had the focus may be gone.
    if (document.activeElement === document.body) said.focus();
  }

  void readLists().then(() => list.load());
  return {
    node: h(
      "div",
      {},
      h(
        "div",
        { class: "head" },
        h("h1", { tabindex: -1 }, t().leads),
        h("div", { class: "actions" }, manages && picker, manages && pick, all),
      ),
      fault.node,
      said,
      report,
      list.node,
    ),
    close: list.close,
  };
}
