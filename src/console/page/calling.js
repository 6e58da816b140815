// What starts a run, wherever its leads come from: a file is imported, leads are called, and who was left out is told.
import { get, keyring, post, Problem } from "./api.js";
import { announce, h, own, phone } from "./dom.js";
import { select } from "./fields.js";
import { figure, t } from "./locale.js";

/** The API's largest page of leads. */
const PAGE = 100;
/** Left-out leads shown by name, of each reason. */
const NAMED = 10;
const [CONCURRENCY, MOST] = [3, 10];
const keyOf = keyring();
const importKeyOf = keyring();

export function concurrencySelect() {
  const node = select(Array.from({ length: MOST }, (_, i) => [i + 1, figure(i + 1)]));
  node.value = String(CONCURRENCY);
  return node;
}

/** @param {Record<string, unknown>} [props] */
export const filePicker = (props) =>
  h("input", {
    type: "file",
    class: "unseen",
    accept: ".csv,.xlsx,text/csv,application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ...props,
  });

/** @param {File} file @param {Element} report @returns {Promise<number>} the new list's id */
export async function importFile(file, report) {
  const form = new FormData();
  form.append("file", file);
  const headers = importKeyOf([file.name, file.size, file.lastModified]);
  try {
    const answer = await post("outbound/import-leads", undefined, { form, headers });
    // The key is for an answer that got lost. Who chooses the file once more, its leads deleted meanwhile, wants them again.
    importKeyOf.forget();
    report.append(h("p", { class: "note good" }, t().imported(answer.imported_count)), rowFaults(answer));
    return answer.list_id;
  } catch (error) {
    if (error instanceof Problem) report.append(rowFaults(error.body));
    throw error;
  }
}

/** Readings of a list that changes all the while, before we take what the last one found. */
const READINGS = 3;

/**
 * Every lead of a list, in the file's order, which is the order of the ids: the API gives the newest first.
 * @param {number} list @param {(done: string, all: string) => void} step
 */
export async function leadsOf(list, step) {
  for (let reading = 1; ; reading += 1) {
    const { leads, changed } = await readLeads(list, step);
    if (!changed || reading === READINGS) return new Map([...leads].sort(([a], [b]) => a - b));
  }
}

/**
 * One reading, page by page. A lead deleted meanwhile moves another one to a page that was read already: only the total
 * tells.
 * @param {number} list @param {(done: string, all: string) => void} step
 */
async function readLeads(list, step) {
  const leads = new Map();
  const totals = new Set();
  for (let page = 1; ; page += 1) {
    const found = await get("outbound/import-leads", { query: { list_id: list, page, page_size: PAGE } });
    for (const lead of found.items) leads.set(lead.id, lead);
    totals.add(found.total);
    step(figure(leads.size), figure(found.total));
    if (found.items.length < PAGE) return { leads, changed: totals.size > 1 };
  }
}

/** @param {Map<number, any>} leads @param {{ concurrency: number, outbound_list_id?: number, only_uncalled?: true }} how @param {Element} report */
export async function callLeads(leads, how, report) {
  await startRun("outbound/bulk-enqueue", { lead_ids: [...leads.keys()], ...how }, leads, report);
}

/** Those whom a stopped run did not get to. @param {number} runId @param {Element} report */
export async function callRest(runId, report) {
  await startRun(`outbound/runs/${runId}/call-cancelled`, undefined, new Map(), report);
}

/** @param {string} path @param {unknown} wish @param {Map<number, any>} leads by their ids, to name who is left out @param {Element} report */
async function startRun(path, wish, leads, report) {
  const answer = await post(path, wish, { headers: keyOf([path, wish]) }).catch((error) => {
    if (error instanceof Problem) report.append(leftOut(error.body.skipped ?? [], leads));
    throw error;
  });
  keyOf.forget();
  const text = t().started(answer.run_id, answer.queued);
  announce(text);
  const open = h("a", { href: `#run/${answer.run_id}` }, t().openRun);
  report.prepend(h("p", { class: "note good" }, text, " ", open));
  report.append(leftOut(answer.skipped, leads));
  // The button that was pressed has nothing left to do.
  open.focus();
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
