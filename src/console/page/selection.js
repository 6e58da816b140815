// Which leads are selected, over all pages, and what can be done with them: call, delete.
import { callLeads, concurrencySelect } from "./calling.js";
import { deleteSome } from "./deleting.js";
import { confirmed } from "./dialog.js";
import { h, put } from "./dom.js";
import { busy } from "./fault.js";
import { choice, field } from "./fields.js";
import { t } from "./locale.js";
import { who } from "./session.js";

/** @param {{ done: (message: string) => void, fault: import("./fault.js").FaultBox, report: HTMLElement }} after */
export function selection({ done, fault, report }) {
  /** @type {Map<number, any>} */
  const leads = new Map();
  /** The boxes on the page that is shown. @type {Map<number, HTMLInputElement>} */
  const boxes = new Map();
  /** @type {any[]} */
  let shown = [];
  const pageBox = h("input", { type: "checkbox", onchange: () => pickPage(pageBox.checked) });
  const text = h("b", { role: "status" });
  const call = h("button", { type: "button", class: "primary", onclick: () => void askCall() }, t().callThese);
  const remove = h("button", { type: "button", class: "danger", onclick: () => void askDelete() }, t().deleteThese);
  const none = h("button", { type: "button", class: "quiet", onclick: clear }, t().selectNone);
  const deeds = h("div", { class: "actions" }, text, none, who().manages && remove, call);
  const node = h("div", { class: "foot selection" }, choice(t().selectPage, pageBox), deeds);

  function update() {
    for (const [id, box] of boxes) box.checked = leads.has(id);
    const here = shown.filter(({ id }) => leads.has(id)).length;
    pageBox.checked = here > 0 && here === shown.length;
    pageBox.indeterminate = here > 0 && here < shown.length;
    // The buttons go with the last one: the keyboard goes back to where one selects.
    if (leads.size === 0 && deeds.contains(document.activeElement)) pageBox.focus();
    for (const button of [none, remove, call]) button.hidden = leads.size === 0;
    text.textContent = leads.size === 0 ? "" : t().selected(leads.size);
  }
  /** @param {any} lead @param {boolean} yes */
  function pick(lead, yes) {
    if (yes) leads.set(lead.id, lead);
    else leads.delete(lead.id);
  }
  /** @param {boolean} yes */
  function pickPage(yes) {
    for (const lead of shown) pick(lead, yes);
    update();
  }
  function clear() {
    leads.clear();
    update();
  }

  async function askCall() {
    const atOnce = concurrencySelect();
    const title = t().callTitle(leads.size);
    const extra = field(t().concurrency, atOnce);
    if (!(await confirmed({ title, lines: [t().callText], extra, yes: t().start, no: t().notNow }))) return;
    put(report);
    const chosen = new Map([...leads].sort(([a], [b]) => a - b));
    await busy(call, fault, async () => {
      await callLeads(chosen, { concurrency: Number(atOnce.value) }, report);
      clear();
    });
  }
  const askDelete = () =>
    deleteSome(remove, [...leads.keys()], {
      fault,
      done(message) {
        clear();
        done(message);
      },
    });

  return {
    node,
    clear,
    /** The box of one lead. @param {any} lead */
    box(lead) {
      const name = lead.name ?? t().leadNumber(String(lead.id));
      const box = h("input", { type: "checkbox", "aria-label": t().selectLead(name) });
      box.addEventListener("change", () => (pick(lead, box.checked), update()));
      box.checked = leads.has(lead.id);
      boxes.set(lead.id, box);
      return box;
    },
    /** What is shown now. @param {any[]} items */
    page(items) {
      shown = items;
      node.hidden = items.length === 0;
      update();
    },
    /** @param {number} id one that is gone */
    drop(id) {
      leads.delete(id);
      update();
    },
  };
}
