// One list through the REST API, as the CRM would do it: import, enqueue, watch to the end, collect the outcomes.
import { openAsBlob } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../errors.ts";
import { readLeads } from "../leads/import.ts";
import type { EndWishes } from "../shutdown.ts";
import { progressBar } from "./progressBar.ts";

export interface Place {
  apiUrl: string;
  /** A fresh token: a long list outlives one. */
  token: () => Promise<string>;
}

export interface CallSummary {
  /** Rows of the file, header and blank rows apart. */
  rows: number;
  /** Leads called, by outcome: completed, no-answer, busy, failed, rejected ... */
  called: Map<string, number>;
  /** Rows and leads left out, by reason. */
  skipped: Map<string, number>;
  /** How the run ended; null when there was nobody to call. */
  status: string | null;
  allEnded: boolean;
}

export interface ListWishes {
  file: string;
  /** Rows that the import will leave out, by reason. */
  skipped: Map<string, number>;
  wishes: EndWishes;
}

interface RunView {
  run_id: number;
  status: string;
  queued: number;
  in_progress: number;
  completed: number;
  failed: number;
  cancelled: number;
  total_leads: number;
  waiting_for: { reason: string; message: string; runs?: { run_id: number }[] } | null;
}

const POLL_MS = 200;
const PAGE = 100;
const OPEN = new Set(["pending", "running"]);

/** @returns undefined when it was left before the end */
export async function callList(place: Place, { file, skipped, wishes }: ListWishes): Promise<CallSummary | undefined> {
  const leftOut = [...skipped.values()].reduce((sum, n) => sum + n, 0);
  const form = new FormData();
  form.set("file", await openAsBlob(file), basename(file));
  const list = await ask<{ list_id: number; imported_count: number }>(
    place,
    "POST",
    "/api/outbound/import-leads",
    form,
  );
  const rows = list.imported_count + leftOut;
  if (wishes.stop.aborted) {
    console.log("ended before the run began: nobody was called");
    return undefined;
  }

  const leadIds = await leadIdsOf(place, list.list_id);
  const started = await enqueue(place, leadIds, list.list_id);
  for (const { reason } of started.skipped) skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
  if (started.run_id === null) return { rows, called: new Map(), skipped, status: null, allEnded: true };

  const ended = await watch(place, started.run_id, wishes);
  if (!ended) return undefined;
  const called = await outcomesOf(place, started.run_id);
  return { rows, called, skipped, status: ended.status, allEnded: ended.queued + ended.in_progress === 0 };
}

/**
 * Why rows are left out, counted: the API names the first twenty only.
 * @throws CodedError import.*
 */
export async function faultsOf(file: string): Promise<Map<string, number>> {
  const reasons = new Map<string, number>();
  const { batches } = await readLeads({ kind: "file", bytes: await readFile(file) });
  for await (const batch of batches)
    for (const { code } of batch.errors) reasons.set(code, (reasons.get(code) ?? 0) + 1);
  return reasons;
}

async function leadIdsOf(place: Place, listId: number): Promise<number[]> {
  const ids: number[] = [];
  for (let page = 1; ; page++) {
    const query = `list_id=${listId}&page=${page}&page_size=${PAGE}`;
    const { items, total } = await ask<{ items: { id: number }[]; total: number }>(
      place,
      "GET",
      `/api/outbound/import-leads?${query}`,
    );
    ids.push(...items.map((lead) => lead.id));
    if (items.length === 0 || ids.length >= total) return ids.sort((a, b) => a - b);
  }
}

interface Started {
  run_id: number | null;
  skipped: { reason: string }[];
}

async function enqueue(place: Place, leadIds: number[], listId: number): Promise<Started> {
  const wish = { lead_ids: leadIds, concurrency: 3, outbound_list_id: listId };
  try {
    return await ask<Started>(place, "POST", "/api/outbound/bulk-enqueue", wish);
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== "run.nothing_to_call") throw error;
    return { run_id: null, skipped: (error.detail["skipped"] as { reason: string }[] | undefined) ?? [] };
  }
}

/** @returns the ended run; undefined when it was left before that */
async function watch(place: Place, runId: number, { stop, leave }: EndWishes): Promise<RunView | undefined> {
  const bar = progressBar();
  let stopping: Promise<void> | undefined;
  try {
    for (let first = true; !leave.aborted; first = false) {
      const run = await ask<RunView>(place, "GET", `/api/outbound/runs/${runId}`);
      if (first) bar.say(`run ${runId}: ${run.total_leads} leads`);
      bar.show(run);
      if (!OPEN.has(run.status) && run.in_progress === 0) return run;
      if (run.status === "failed") return run;
      // Ctrl-C stops the run, not only the watching: nobody else looks after a list that was called from a terminal.
      if (stop.aborted) stopping ??= stopRun(place, run, bar.say);
      await sleep(POLL_MS, undefined, { signal: stopping ? leave : AbortSignal.any([stop, leave]) }).catch(() => {});
    }
    bar.say(`leaving run ${runId}: calls that are live go on`);
    return undefined;
  } finally {
    bar.stop();
  }
}

async function stopRun(place: Place, { run_id, in_progress }: RunView, say: (line: string) => void): Promise<void> {
  say(`stopping, ${in_progress} calls still live (Ctrl-C again does not wait for them)`);
  try {
    await ask(place, "POST", "/api/outbound/stop-queue", { run_id });
  } catch (error) {
    const why = error instanceof CodedError ? `${error.message} (${error.code})` : String(error);
    say(`run ${run_id} could not be stopped: ${why}. The next worker goes on with it; stop it in the console`);
  }
}

async function outcomesOf(place: Place, runId: number): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>();
  let cursor: string | null = "";
  while (cursor !== null) {
    const query: string = `limit=${PAGE}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
    const page: { items: { outcome: string | null }[]; next_cursor: string | null } = await ask(
      place,
      "GET",
      `/api/outbound/runs/${runId}/jobs?${query}`,
    );
    for (const { outcome } of page.items)
      outcomes.set(outcome ?? "not called", (outcomes.get(outcome ?? "not called") ?? 0) + 1);
    cursor = page.next_cursor;
  }
  return outcomes;
}

/** The API said no: `code` is its stable word for why, `detail` the whole problem. */
class Refused extends CodedError {
  constructor(problem: Record<string, unknown>) {
    super(text(problem["code"]), text(problem["error"]) || "the API refused", problem);
  }
}

const text = (value: unknown) => (typeof value === "string" ? value : "");

async function ask<T>(place: Place, method: string, path: string, body?: FormData | object): Promise<T> {
  const json = body !== undefined && !(body instanceof FormData);
  const response = await fetch(`${place.apiUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${await place.token()}`,
      "accept-language": "en",
      ...(json && { "content-type": "application/json" }),
    },
    body: body instanceof FormData ? body : body === undefined ? null : JSON.stringify(body),
  }).catch((cause: unknown) => {
    throw new CodedError("api.unreachable", `The API at ${place.apiUrl} does not answer`, { cause });
  });
  if (response.status === 429) {
    await sleep(1000 * Number(response.headers.get("retry-after") ?? 1));
    return await ask(place, method, path, body);
  }
  const answer = (await response.json()) as Record<string, unknown>;
  if (!response.ok) throw new Refused(answer);
  return answer as T;
}
