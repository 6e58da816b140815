// Before a list is called that was called already: how many of it were, when last, and whether they are called once more.
import { get } from "./api.js";
import { confirmed } from "./dialog.js";
import { h } from "./dom.js";
import { choice } from "./fields.js";
import { t, when } from "./locale.js";

/**
 * Asks only where somebody was called. Nobody is called twice by mistake: "only the others" is chosen already, and the
 * server looks once more.
 * @param {number} list @returns {Promise<{ only_uncalled?: true } | undefined>} part of the wish; undefined: not now
 */
export async function askAgain(list) {
  const {
    current_leads: all,
    called_leads: called,
    last_called_at: last,
  } = await get(`outbound/import-lists/${list}/called`);
  if (called === 0) return {};
  const left = all - called;
  const [only, again] = [left > 0, left === 0].map((checked) => h("input", { type: "radio", name: "whom", checked }));
  if (!only || !again) return undefined;
  const extra =
    left > 0 &&
    h(
      "fieldset",
      { class: "choices" },
      h("legend", {}, t().whomToCall),
      choice(t().onlyUncalled(left), only),
      choice(t().allAgain(all), again),
    );
  const lines = [t().calledAlready(called, all, when(last, "short"))];
  const yes = left > 0 ? t().start : t().allAgain(all);
  if (!(await confirmed({ title: t().againTitle, lines, extra, yes, no: t().notNow }))) return undefined;
  return only.checked ? { only_uncalled: true } : {};
}
