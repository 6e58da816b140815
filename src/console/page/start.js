// Starting a run: from a list, or from a file, which is imported first.
import { askAgain } from "./again.js";
import { get, Problem } from "./api.js";
import { callLeads, concurrencySelect, filePicker, importFile, leadsOf } from "./calling.js";
import { h, newId, own, put } from "./dom.js";
import { busy, faultBox } from "./fault.js";
import { field, select } from "./fields.js";
import { figure, t } from "./locale.js";
import { who } from "./session.js";

/** @param {() => void} started */
export function startPanel(started) {
  const { manages } = who();
  /** @type {File | undefined} */
  let file;
  /** The file's list, once it has been imported: trying to start again must not import again. @type {number | undefined} */
  let imported;
  let listed = false;
  let listing = false;
  const [fileId, titleId] = [newId(), newId()];
  const list = select([["", t().loading]], { onchange: () => choose(undefined) });
  const picker = filePicker({ id: fileId, onchange: () => choose(picker.files?.[0]) });
  const chosen = h("span");
  const drop = h("label", { class: "drop", for: fileId }, chosen);
  const atOnce = concurrencySelect();
  const button = h("button", { type: "submit", class: "primary" }, t().start);
  const step = h("p", { class: "muted", role: "status" });
  const fault = faultBox();
  const report = h("div");
  const node = h(
    "section",
    { class: "card start", "aria-labelledby": titleId },
    h("h2", { id: titleId }, t().startTitle),
    h("p", { class: "muted" }, manages ? t().startHint : t().noImport),
    h(
      "form",
      { onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), void busy(button, fault, start)) },
      field(t().list, list),
      manages && h("span", { class: "or muted" }, t().orFile),
      manages && h("div", { class: "field grow" }, picker, drop),
      field(t().concurrency, atOnce),
      button,
    ),
    step,
    fault.node,
    report,
  );

  for (const name of ["dragenter", "dragover", "dragleave", "drop"])
    node.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragenter" || name === "dragover");
      if (name === "drop") choose(/** @type {DragEvent} */ (event).dataTransfer?.files[0]);
    });

  /** @param {File | undefined} next */
  function choose(next) {
    if (next !== file) imported = undefined;
    file = manages ? next : undefined;
    if (file) list.value = "";
    else picker.value = "";
    put(chosen, file ? own(file.name) : h("span", {}, t().drop, " ", h("u", {}, t().choose)));
    drop.classList.toggle("full", file !== undefined);
    button.disabled = !file && !list.value;
  }

  /** @param {number} [selected] */
  async function readLists(selected) {
    listing = true;
    const { lists } = await get("outbound/import-lists").catch(() => ({ lists: undefined }));
    listing = false;
    if (!lists) return;
    listed = true;
    const options = lists.map((/** @type {any} */ l) =>
      h("option", { value: l.id }, t().listOf(l.name, figure(l.current_leads))),
    );
    put(list, h("option", { value: "" }, lists.length > 0 ? t().chooseList : t().noLists), ...options);
    if (selected) list.value = String(selected);
    choose(selected ? undefined : file);
  }

  async function start() {
    put(report);
    try {
      let from = Number(list.value);
      // Nobody of a file that is imported now has been called.
      const whom = file ? {} : await askAgain(from);
      if (!whom) return;
      if (file) {
        step.textContent = t().importing;
        imported ??= await importFile(file, report);
        from = imported;
        await readLists(from);
      }
      const leads = await leadsOf(from, (done, all) => (step.textContent = t().reading(done, all)));
      if (leads.size === 0) throw new Problem(0, "list.empty", t().emptyList);
      step.textContent = t().starting;
      await callLeads(leads, { outbound_list_id: from, concurrency: Number(atOnce.value), ...whom }, report);
      await readLists();
      started();
    } finally {
      step.textContent = "";
    }
  }

  choose(undefined);
  void readLists();
  return {
    node, // A second reading, come in later, would take back what was chosen meanwhile.
    refresh: () => listed || listing || void readLists(),
  };
}
