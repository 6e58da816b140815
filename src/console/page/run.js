// One run, live: its bar, what it waits for, the calls under way, its leads, its charts and its audit trail.
import { narrator, runActions } from "./actions.js";
import { download, get } from "./api.js";
import { auditTrail } from "./audit.js";
import { callCharts } from "./chart.js";
import { busy, faultNote } from "./dialog.js";
import { h, newId, own, phone, put, say } from "./dom.js";
import { figure, t, when } from "./locale.js";
import { outcomePill, stateOfJob } from "./outcome.js";
import { countTiles, progressBar, stateOf, statusPill } from "./progress.js";
import { who } from "./session.js";
import { watchRun } from "./stream.js";
import { table } from "./table.js";
import { waitingNote } from "./waiting.js";

/** A ringing call that is answered moves no count, so that no event tells of it. */
const LIVE_MS = 1_500;
const CHARTS_MS = 5_000;
/** Times as seldom for those whose every look is audited. */
const SELDOM = 12;
const STATES = ["queued", "dialing", "calling", "completed", "failed", "cancelled"];

/** @param {number} id */
export function runView(id) {
  let closed = false;
  let state = "";
  const [pill, progress, counts, waiting] = [statusPill(), progressBar(), countTiles(), waitingNote()];
  const deeds = runActions(() => void read());
  const trail = auditTrail(id);
  const [live, leads] = [liveCalls(id), leadList(id)];
  const charts = h("div");
  const fault = h("div");
  const facts = h("p", { class: "muted" });
  const offline = h("p", { class: "note bad", role: "status", hidden: true }, t().reconnecting);
  const save = h("button", { type: "button" }, t().results);
  save.addEventListener(
    "click",
    () => void busy(save, fault, () => download(`outbound/runs/${id}/results.csv`, `run-${id}.csv`)),
  );
  const tell = narrator();

  /** @param {any} run */
  function update(run) {
    for (const part of [pill, progress, counts, waiting, deeds]) part.update(run);
    const end = run.ended_at ? ` · ${t().ended} ${when(run.ended_at)}` : "";
    say(facts, `${t().created} ${when(run.created_at)} · ${t().atOnce(figure(run.concurrency))}${end}`);
    tell(run);
    live.update(run);
    if (stateOf(run) !== state) refresh();
    state = stateOf(run);
  }
  /** What the stream does not carry. */
  function refresh() {
    trail.refresh();
    leads.refresh();
    void draw();
  }
  /** Beside the stream: at once after an action, and when streams are refused. */
  async function read() {
    try {
      const run = await get(`outbound/runs/${id}`);
      if (!closed) update(run);
      put(fault);
      body.hidden = false;
    } catch (error) {
      if (!closed)
        put(
          fault,
          faultNote(error, () => void read()),
        );
    }
  }
  async function draw() {
    const calls = await get("outbound/recent-calls", { query: { run_id: id, page_size: 100 } }).catch(() => undefined);
    if (calls && !closed) put(charts, callCharts(calls.items));
  }

  const body = h(
    "div",
    { hidden: true },
    h("div", { class: "card" }, facts, progress.bar, progress.text, waiting.node, offline, counts.node, deeds.node),
    live.node,
    charts,
    leads.node,
    trail.node,
    h("div", { class: "actions" }, save),
  );
  void read();
  const stop = watchRun(id, {
    progress: update,
    end: () => void read().then(refresh),
    connected: (yes) => (offline.hidden = yes),
  });
  const timer = setInterval(
    () => document.hidden || !["running", "cancelling"].includes(state) || (void draw(), leads.refresh()),
    CHARTS_MS * (who().isAudited ? SELDOM : 1),
  );
  return {
    node: h(
      "div",
      {},
      h("p", { class: "crumb" }, h("a", { href: "#runs" }, t().allRuns)),
      h("div", { class: "head" }, h("h1", { tabindex: -1 }, t().run(id)), pill.node),
      fault,
      body,
    ),
    close() {
      closed = true;
      stop();
      live.close();
      clearInterval(timer);
    },
  };
}

/** @param {any} job */
const lead = (job) => own(job.lead_name ?? t().leadNumber(String(job.lead_id)));

/** @param {number} id */
function liveCalls(id) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** Calls under way, as the last event said. */
  let calls = 0;
  const heading = newId();
  const list = h("ul", { class: "live" });
  const node = h(
    "section",
    { class: "card", "aria-labelledby": heading, hidden: true },
    h("h2", { id: heading }, t().liveCalls),
    list,
  );

  const none = () => put(list, h("li", { class: "muted" }, t().noLive));
  const line = (/** @type {any} */ job) => h("li", {}, lead(job), phone(job.to_number), outcomePill(stateOfJob(job)));

  async function look() {
    const page = (/** @type {string} */ status) => get(`outbound/runs/${id}/jobs`, { query: { status, limit: 50 } });
    const found = document.hidden
      ? undefined
      : await Promise.all(["calling", "dialing"].map(page)).catch(() => undefined);
    if (calls === 0) {
      timer = undefined;
      return none();
    }
    if (found) put(list, ...found.flatMap(({ items }) => items.map(line)));
    timer = setTimeout(() => void look(), LIVE_MS * (who().isAudited ? SELDOM : 1));
  }
  return {
    node,
    /** @param {any} next */
    update(next) {
      calls = next.in_progress;
      node.hidden = next.in_progress === 0 && !["pending", "running"].includes(next.status);
      if (calls === 0) none();
      // The first look is at once; the timer's id comes with it.
      else timer ??= setTimeout(() => void look());
    },
    close: () => void (calls = 0),
  };
}

/** @param {number} id */
function leadList(id) {
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
    { name: "who", title: t().lead, cell: lead },
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
