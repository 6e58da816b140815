// The figures on top: lines in use against the limit, leads waiting, active runs.
import { get } from "./api.js";
import { h, put, say } from "./dom.js";
import { figure, t } from "./locale.js";
import { isOpen } from "./progress.js";

export function figures() {
  let asking = false;
  let again = false;
  const lines = h("dd");
  const dots = h("div", { class: "lines", "aria-hidden": "true" });
  const waiting = h("dd");
  const active = h("dd");
  const node = h(
    "dl",
    { class: "card figures" },
    h("div", {}, h("dt", {}, t().lines), lines, dots),
    h("div", {}, h("dt", {}, t().waitingLeads), waiting),
    h("div", {}, h("dt", {}, t().activeRuns), active),
  );
  for (const dd of [lines, waiting, active]) dd.textContent = "–";
  return {
    node,
    /** @param {any[]} runs */
    runs(runs) {
      const open = runs.filter(isOpen);
      say(active, figure(open.length));
      say(waiting, figure(open.reduce((sum, run) => sum + run.queued, 0)));
    },
    /** One question at a time; what changed meanwhile is asked once more. */
    async refresh() {
      if (asking) return void (again = true);
      asking = true;
      const counts = await get("outbound_calls/counts").catch(() => undefined);
      if (counts) {
        const { active_outbound: used, max_outbound: all } = counts;
        put(lines, h("b", {}, figure(used)), h("span", { class: "muted" }, ` / ${figure(all)}`));
        lines.setAttribute("aria-label", t().linesOf(figure(used), figure(all)));
        put(dots, ...Array.from({ length: all }, (_, i) => h("i", { class: i < used ? "used" : "" })));
      }
      asking = false;
      if (again) setTimeout(() => ((again = false), void this.refresh()), 500);
    },
  };
}
