// One run, live: its bar, what it waits for, the calls under way, its leads, its charts and its audit trail.
import { runActions } from "./actions.js";
import { download, get } from "./api.js";
import { auditTrail } from "./audit.js";
import { callCharts } from "./chart.js";
import { announce, h, put, say } from "./dom.js";
import { busy, faultBox } from "./fault.js";
import { jobList } from "./jobs.js";
import { liveCalls } from "./live.js";
import { figure, t, when } from "./locale.js";
import { narrator } from "./narrator.js";
import { countTiles, progressBar, stateOf, statusPill } from "./progress.js";
import { patience } from "./session.js";
import { watchRun } from "./stream.js";
import { waitingNote } from "./waiting.js";

const CHARTS_MS = 5_000;

/** @param {number} id */
export function runView(id) {
  let closed = false;
  let state = "";
  const [pill, progress, counts, waiting] = [statusPill(), progressBar(), countTiles(), waitingNote()];
  const deeds = runActions(() => void read().then(() => trail.refresh()));
  const trail = auditTrail(id);
  const [live, leads] = [liveCalls(id), jobList(id)];
  const charts = h("div");
  const fault = faultBox();
  const facts = h("p", { class: "muted" });
  const offline = h("p", { class: "note bad", hidden: true }, t().reconnecting);
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
      fault.clear();
      body.hidden = false;
    } catch (error) {
      if (!closed) fault.show(error, read);
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
    connected(yes) {
      if (offline.hidden !== yes) announce(yes ? t().reconnected : t().reconnecting);
      offline.hidden = yes;
      if (yes) fault.clear();
    },
  });
  const timer = setInterval(
    () => document.hidden || !["running", "cancelling"].includes(state) || (void draw(), leads.refresh()),
    CHARTS_MS * patience(),
  );
  return {
    node: h(
      "div",
      {},
      h("p", { class: "crumb" }, h("a", { href: "#runs" }, t().allRuns)),
      h("div", { class: "head" }, h("h1", { tabindex: -1 }, t().run(id)), pill.node),
      fault.node,
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
