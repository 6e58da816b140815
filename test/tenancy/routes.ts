// Every route of the API with what it needs: who may call it, whose id it takes, and what the right caller gets. The
// matrix fails for a route that is missing here.
import { mobile } from "../support/leads.ts";

export interface Own {
  run: number;
  failedRun: number;
  stoppedRun: number;
  list: number;
  lead: number;
}

export interface Route {
  /** What of the business it names; undefined: nothing but the business itself. */
  names?: keyof Own;
  path: (id: number) => string;
  body?: (id: number) => unknown;
  /** Not for agents. */
  managers?: true;
  /** Without a token. */
  open?: true;
  /** The owner's own. */
  ok: number;
  /** Waits for a carrier, which there is none, as long as its caller does. */
  impatient?: true;
  /** An endless answer: only its head is read. */
  stream?: true;
}

const api = (rest: string) => `/api/outbound${rest}`;
const byRun = (path: (id: number) => string): Pick<Route, "names" | "path"> => ({ names: "run", path });

export const ROUTES: Record<string, Route> = {
  "GET /livez": { path: () => "/livez", open: true, ok: 200 },
  "GET /readyz": { path: () => "/readyz", open: true, ok: 200 },
  "GET /metrics": { path: () => "/metrics", open: true, ok: 200 },
  "GET /openapi.json": { path: () => "/openapi.json", open: true, ok: 200 },
  "GET /docs": { path: () => "/docs", open: true, ok: 200 },
  "GET /docs/:file": { path: () => "/docs/swagger-ui.css", open: true, ok: 200 },
  "GET /console": { path: () => "/console", open: true, ok: 200 },
  "GET /console/:name": { path: () => "/console/main.js", open: true, ok: 200 },
  // A signature instead of a token: see test/api/webhooks.test.ts.
  "POST /webhooks/twilio/status": { path: () => "/webhooks/twilio/status", open: true, ok: 403 },
  "POST /webhooks/twilio/voice": { path: () => "/webhooks/twilio/voice", open: true, ok: 403 },

  "POST /api/outbound/bulk-enqueue": {
    names: "lead",
    path: () => api("/bulk-enqueue"),
    body: (id) => ({ lead_ids: [id] }),
    ok: 201,
  },
  "POST /api/outbound_calls/start": {
    names: "lead",
    path: () => "/api/outbound_calls/start",
    body: (id) => ({ lead_ids: [id] }),
    impatient: true,
    ok: 200,
  },
  "GET /api/outbound/runs": { path: () => api("/runs"), ok: 200 },
  "GET /api/outbound/runs/:run_id": { ...byRun((id) => api(`/runs/${id}`)), ok: 200 },
  "GET /api/outbound/runs/:run_id/jobs": { ...byRun((id) => api(`/runs/${id}/jobs`)), ok: 200 },
  "GET /api/outbound/runs/:run_id/audit": { ...byRun((id) => api(`/runs/${id}/audit`)), ok: 200 },
  "GET /api/outbound/runs/:run_id/events": { ...byRun((id) => api(`/runs/${id}/events`)), ok: 200, stream: true },
  "GET /api/outbound/runs/:run_id/results.csv": { ...byRun((id) => api(`/runs/${id}/results.csv`)), ok: 200 },
  "POST /api/outbound/runs/:run_id/resume": { names: "failedRun", path: (id) => api(`/runs/${id}/resume`), ok: 200 },
  "POST /api/outbound/runs/:run_id/call-cancelled": {
    names: "stoppedRun",
    path: (id) => api(`/runs/${id}/call-cancelled`),
    ok: 201,
  },
  "POST /api/outbound/stop-queue": {
    names: "run",
    path: () => api("/stop-queue"),
    body: (id) => ({ run_id: id }),
    ok: 200,
  },
  "GET /api/outbound/settings": { path: () => api("/settings"), ok: 200 },
  "PUT /api/outbound/settings": {
    path: () => api("/settings"),
    body: () => ({ max_calls: 5 }),
    managers: true,
    ok: 200,
  },
  "GET /api/outbound/bulk/active": { path: () => api("/bulk/active"), ok: 200 },
  "GET /api/outbound/recent-calls": { names: "run", path: (id) => api(`/recent-calls?run_id=${id}`), ok: 200 },
  "GET /api/outbound/import-leads": { names: "list", path: (id) => api(`/import-leads?list_id=${id}`), ok: 200 },
  "GET /api/outbound/import-lists": { path: () => api("/import-lists"), ok: 200 },
  "GET /api/outbound/import-lists/:list_id/called": {
    names: "list",
    path: (id) => api(`/import-lists/${id}/called`),
    ok: 200,
  },
  "POST /api/outbound/import-leads": {
    path: () => api("/import-leads"),
    body: () => ({ rows: [{ phone: `0${mobile(1)}` }] }),
    managers: true,
    ok: 200,
  },
  "DELETE /api/outbound/import-leads/:lead_id": {
    names: "lead",
    path: (id) => api(`/import-leads/${id}`),
    managers: true,
    ok: 200,
  },
  "POST /api/outbound/import-leads/bulk-delete": {
    names: "lead",
    path: () => api("/import-leads/bulk-delete"),
    body: (id) => ({ lead_ids: [id] }),
    managers: true,
    ok: 200,
  },
  "POST /api/outbound/cleanup-stuck-jobs": { path: () => api("/cleanup-stuck-jobs"), managers: true, ok: 200 },
  "GET /api/outbound_calls/jobs/active": { path: () => "/api/outbound_calls/jobs/active", ok: 200 },
  "GET /api/outbound_calls/jobs/:run_id/status": { ...byRun((id) => `/api/outbound_calls/jobs/${id}/status`), ok: 200 },
  "GET /api/outbound_calls/counts": { path: () => "/api/outbound_calls/counts", ok: 200 },
  "POST /api/outbound_calls/jobs/:run_id/cancel": {
    ...byRun((id) => `/api/outbound_calls/jobs/${id}/cancel`),
    ok: 200,
  },
  "POST /api/outbound_calls/jobs/:run_id/force-cancel": {
    ...byRun((id) => `/api/outbound_calls/jobs/${id}/force-cancel`),
    ok: 200,
  },
};
