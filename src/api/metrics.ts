// Figures for Prometheus: this process's own as they happen, the queue's by SQL when they are asked for.
import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { businessGauges, liveWorkers, openRuns } from "../../db/gauges.ts";
import type { ApiDeps, ApiEnv, Log } from "./deps.ts";
import { EventTail } from "./eventTail.ts";

/** Businesses with a label of their own; the others are one. A label per tenant would fill Prometheus' memory. */
const TOP = 20;
/** However often it is scraped, the database is asked this seldom. */
const CACHE_MS = 5_000;
const FAST = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export type Metrics = ReturnType<typeof metricsOf>;

export function metricsOf({ db, log, config, feed }: ApiDeps) {
  const registers = [new Registry()];
  const make = <T extends string>(name: string, help: string, labelNames: T[] = []) => ({
    name: `ringpost_${name}`,
    help,
    labelNames,
    registers,
  });
  const http = new Histogram({
    ...make("http_request_seconds", "Until the answer's headers, by route pattern", ["method", "route", "status"]),
    buckets: FAST,
  });
  const security = new Counter(make("security_total", "[SECURITY] lines in the log"));
  const lag = new Histogram({
    ...make("callback_lag_seconds", "From the carrier's timestamp (whole seconds) to our storing of the news"),
    buckets: [0.5, 1, 2, 5, 10, 30],
  });
  const queued = new Gauge(make("queue_depth", "Leads waiting", ["business"]));
  const oldest = new Gauge(make("queue_oldest_seconds", "Age of the oldest run with leads waiting", ["business"]));
  const used = new Gauge(make("slots_used", "Live calls", ["business"]));
  const limit = new Gauge(make("slots_limit", "Calls at once, at most", ["business"]));
  const runs = new Gauge(make("open_runs", "Runs that may still dial", ["status"]));
  const workers = new Gauge(make("workers", "Live workers"));
  const up = new Gauge(make("database_up", "1 when the last reading of the figures succeeded"));
  const events = new Counter(
    make("run_events_total", "What happened to runs and jobs, by kind: reclaims, adoptions, repaired slots and all", [
      "kind",
    ]),
  );
  const dials = new Counter(make("dials_total", "Calls that ended, by result", ["result"]));
  const refill = new Histogram({
    ...make("slot_refill_seconds", "From a freed slot to the business's next dial"),
    buckets: FAST,
  });
  registers[0]?.registerMetric(
    new Gauge({
      ...make("event_streams", "Open event streams of this process"),
      registers: [],
      collect() {
        this.set(feed?.open() ?? 0);
      },
    }),
  );
  const tail = new EventTail(db, {
    event: (kind) => events.inc({ kind }),
    ended: (result) => dials.inc({ result }),
    refilled: (seconds) => refill.observe(seconds),
  });

  const read = async () => {
    const businesses = await businessGauges(db, TOP, config.maxCallsPerBusiness);
    const open = await openRuns(db);
    const alive = await liveWorkers(db);
    await tail.read();
    for (const gauge of [queued, oldest, used, limit, runs]) gauge.reset();
    for (const { business, ...of } of businesses) {
      queued.set({ business }, of.queued);
      oldest.set({ business }, of.oldest ?? 0);
      used.set({ business }, of.used);
      limit.set({ business }, of.limit);
    }
    for (const { status, runs: n } of open) runs.set({ status }, n);
    workers.set(alive);
    up.set(1);
  };
  let readAt = -Infinity;
  let reading: Promise<void> = Promise.resolve();
  const fresh = () => {
    if (performance.now() - readAt < CACHE_MS) return reading;
    readAt = performance.now();
    return (reading = read().catch((error: unknown) => {
      // The old figures would look like a queue that stands still.
      for (const gauge of [queued, oldest, used, limit, runs, workers]) gauge.reset();
      up.set(0);
      log.warn({ err: error }, "metrics: the database could not be read");
    }));
  };

  return {
    /** The text format. Never throws: without a database the process's own figures are left. */
    async text(): Promise<string> {
      await fresh();
      return (await registers[0]?.metrics()) ?? "";
    },

    /** Times every request; the pattern of its route, never its path, becomes a label. */
    timing: (async (c, next) => {
      const began = performance.now();
      await next();
      const route = routePath(c, -1);
      const labels = {
        method: c.req.method,
        route: route.endsWith("*") ? "none" : route,
        status: String(c.res.status),
      };
      http.observe(labels, (performance.now() - began) / 1000);
    }) satisfies MiddlewareHandler<ApiEnv>,

    /** The log, with its [SECURITY] lines counted. */
    counting(log: Log): Log {
      const seen = (message: string) => {
        if (message.startsWith("[SECURITY]")) security.inc();
      };
      return {
        info: (fields, message) => log.info(fields, message),
        warn(fields, message) {
          seen(message);
          log.warn(fields, message);
        },
        error(fields, message) {
          seen(message);
          log.error(fields, message);
        },
      };
    },

    /** @param sent the carrier's own time, RFC 2822; anything else is passed over */
    callback(sent: string | null): void {
      const at = Date.parse(sent ?? "");
      if (Number.isFinite(at)) lag.observe(Math.max(0, Date.now() - at) / 1000);
    },
  };
}
