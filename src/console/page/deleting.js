// Deleting imported leads: one, those selected, or all. Each says what will go; the server keeps whom somebody called.
import { get, post } from "./api.js";
import { confirmed } from "./dialog.js";
import { h } from "./dom.js";
import { busy } from "./fault.js";
import { figure, t } from "./locale.js";

/** @typedef {{ done: (message: string) => void, fault: import("./fault.js").FaultBox }} After */

/** A button for one lead. @param {any} lead @param {After} after */
export function deleteOne(lead, after) {
  const name = lead.name ?? t().leadNumber(String(lead.id));
  const button = h("button", { type: "button", class: "quiet", "aria-label": t().deleteLead(name) }, t().delete);
  button.addEventListener("click", () => {
    const wish = { method: "DELETE" };
    void ask(button, t().deleteLeadTitle(name), [], after, () => get(`outbound/import-leads/${lead.id}`, wish));
  });
  return button;
}

/** @param {HTMLButtonElement} button @param {number[]} ids @param {After} after */
export const deleteSome = (button, ids, after) =>
  ask(button, t().deleteTitle(ids.length), ids.length > 1 ? [t().deleteNone] : [], after, () =>
    post("outbound/import-leads/bulk-delete", { lead_ids: ids }),
  );

/** @param {HTMLButtonElement} button @param {number} n how many there are, on every list @param {After} after */
export const deleteAll = (button, n, after) =>
  ask(
    button,
    t().deleteAllTitle(figure(n)),
    [t().deleteEverywhere, t().deleteKept],
    after,
    () => post("outbound/import-leads/bulk-delete", { delete_all: true }),
    t().deletePledge(figure(n)),
  );

/** @param {HTMLButtonElement} button @param {string} title @param {string[]} lines @param {After} after @param {() => Promise<any>} send @param {string} [pledge] */
async function ask(button, title, lines, { done, fault }, send, pledge) {
  const wish = { title, lines: [...lines, t().deleteFinal], yes: t().delete, no: t().notNow, danger: true };
  if (!(await confirmed(pledge ? { ...wish, pledge } : wish))) return;
  await busy(button, fault, async () => done((await send()).message));
}
