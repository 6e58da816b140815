// Starting a run: from a list, or from a file, which is imported first. Says afterwards who was left out, and why.
import { get, newKey, post, Problem } from "./api.js";
import { busy } from "./dialog.js";
import { announce, h, newId, own, phone, put } from "./dom.js";
import { figure, t } from "./locale.js";
import { who } from "./session.js";

/** The API's largest page of leads. */
const PAGE = 100;
/** Left-out leads shown by name, of each reason. */
const NAMED = 10;
const DEFAULT_CONCURRENCY = 3;

/** @param {(runId: number) => void} started */
export function startPanel(started) {
  /** @type {File | undefined} */
  let file;
  /** Keys of wishes that have no answer yet: sent again after a lost answer, they call nobody twice. @type {Map<string, string>} */
  const keys = new Map();
  const [listId, fileId, atOnceId, titleId] = [newId(), newId(), newId(), newId()];
  const list = h("select", { id: listId, onchange: () => choose(undefined) });
  const picker = h("input", {
    type: "file",
    id: fileId,
    class: "unseen",
    accept: ".csv,.xlsx,text/csv,application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    onchange: () => choose(picker.files?.[0]),
  });
  const chosen = h("span", { class: "chosen" });
  const drop = h("label", { class: "drop", for: fileId }, chosen);
  const atOnce = h(
    "select",
    { id: atOnceId },
    ...Array.from({ length: 10 }, (_, i) =>
      h("option", { value: i + 1, selected: i + 1 === DEFAULT_CONCURRENCY }, figure(i + 1)),
    ),
  );
  const button = h("button", { type: "submit", class: "primary" }, t().start);
  const step = h("p", { class: "muted", role: "status" });
  const fault = h("div");
  const report = h("div");
  const form = h(
    "form",
    { onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), void busy(button, fault, start)) },
    h("div", { class: "field" }, h("label", { for: listId }, t().list), list),
    who().manages && h("span", { class: "or muted" }, t().orFile),
    who().manages && h("div", { class: "field grow" }, picker, drop),
    h("div", { class: "field" }, h("label", { for: atOnceId }, t().concurrency), atOnce),
    h("div", { class: "field" }, button),
  );
  const hint = who().manages ? t().startHint : t().noImport;
  const node = h(
    "section",
    { class: "card start", "aria-labelledby": titleId },
    h("h2", { id: titleId }, t().startTitle),
    h("p", { class: "muted" }, hint),
    form,
    step,
    fault,
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
    file = who().manages ? next : undefined;
    if (file) list.value = "";
    else picker.value = "";
    put(chosen, file ? own(file.name) : h("span", {}, t().drop, " ", h("u", {}, t().choose)));
    drop.classList.toggle("full", file !== undefined);
    button.disabled = !file && !list.value;
  }

  /** @param {number} [selected] */
  async function readLists(selected) {
    const { lists } = await get("outbound/import-lists").catch(() => ({ lists: [] }));
    const options = lists.map((/** @type {any} */ l) =>
      h("option", { value: l.id }, t().listOf(l.name, figure(l.current_leads))),
    );
    put(list, h("option", { value: "" }, lists.length > 0 ? t().chooseList : t().noLists), ...options);
    if (selected) list.value = String(selected);
    choose(selected ? undefined : file);
  }

  /** @param {unknown} wish */
  const keyOf = (wish) => {
    const print = JSON.stringify(wish);
    const key = keys.get(print) ?? newKey();
    keys.set(print, key);
    return { "Idempotency-Key": key };
  };

  async function start() {
    put(report);
    try {
      const from = file ? await importFile(file) : Number(list.value);
      const leads = await leadsOf(from);
      step.textContent = t().starting;
      const wish = { lead_ids: [...leads.keys()], outbound_list_id: from, concurrency: Number(atOnce.value) };
      if (leads.size === 0) throw new Problem(0, "list.empty", t().emptyList);
      const answer = await post("outbound/bulk-enqueue", wish, { headers: keyOf(wish) }).catch((error) => {
        if (error instanceof Problem) report.append(leftOut(error.body.skipped ?? [], leads));
        throw error;
      });
      keys.clear();
      const text = t().started(answer.run_id, answer.queued);
      announce(text);
      report.prepend(h("p", { class: "note good" }, text, " ", h("a", { href: `#run/${answer.run_id}` }, t().openRun)));
      report.append(leftOut(answer.skipped, leads));
      await readLists();
      started(answer.run_id);
    } finally {
      step.textContent = "";
    }
  }

  /** @param {File} from @returns {Promise<number>} the new list's id */
  async function importFile(from) {
    step.textContent = t().importing;
    const form = new FormData();
    form.append("file", from);
    const headers = keyOf([from.name, from.size, from.lastModified]);
    try {
      const answer = await post("outbound/import-leads", undefined, { form, headers });
      report.append(h("p", {}, t().imported(answer.imported_count)), rowFaults(answer));
      await readLists(answer.list_id);
      return answer.list_id;
    } catch (error) {
      if (error instanceof Problem) report.append(rowFaults(error.body));
      throw error;
    }
  }

  /** @param {number} from @returns {Promise<Map<number, any>>} every lead of the list */
  async function leadsOf(from) {
    const leads = new Map();
    for (let page = 1; ; page += 1) {
      const found = await get("outbound/import-leads", { query: { list_id: from, page, page_size: PAGE } });
      for (const lead of found.items) leads.set(lead.id, lead);
      step.textContent = t().reading(figure(leads.size), figure(found.total));
      // In the file's order, which is the order of the ids: the API lists the newest first.
      if (found.items.length < PAGE) return new Map([...leads].sort(([a], [b]) => a - b));
    }
  }

  choose(undefined);
  void readLists();
  return node;
}

/** @param {{ errors?: string[], skipped_count?: number }} answer */
function rowFaults({ errors = [], skipped_count: n = 0 }) {
  if (n === 0) return "";
  const hidden = n - errors.length;
  return details(t().rowsLeftOut(n), [
    ...errors.map((text) => h("li", { dir: "auto" }, text)),
    hidden > 0 && h("li", {}, t().andMore(hidden)),
  ]);
}

/** @param {{ lead_id: number, reason: string }[]} skipped @param {Map<number, any>} leads */
function leftOut(skipped, leads) {
  if (skipped.length === 0) return "";
  const groups = Object.entries(Object.groupBy(skipped, (s) => s.reason));
  const items = groups.map(([reason, list = []]) => {
    const named = list.slice(0, NAMED).map(({ lead_id }) => {
      const lead = leads.get(lead_id);
      return h("li", {}, own(lead?.name ?? t().leadNumber(String(lead_id))), " ", phone(lead?.phone ?? null));
    });
    const rest = list.length > NAMED && h("li", {}, t().andMore(list.length - NAMED));
    return h("li", {}, `${t().reasons[reason] ?? reason}: ${figure(list.length)}`, h("ul", {}, ...named, rest));
  });
  return details(t().skipped(skipped.length), items);
}

/** @param {string} summary @param {import("./dom.js").Child[]} items */
const details = (summary, items) =>
  h("details", { class: "note", open: true }, h("summary", {}, summary), h("ul", {}, ...items));
