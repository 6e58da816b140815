// Whether the process lives, whether it may be sent requests, and how it fares.
import { Hono } from "hono";
import { liveWorkers } from "../../db/gauges.ts";
import { missingMigrations } from "../../db/system.ts";
import { CodedError } from "../errors.ts";
import type { ApiDeps, ApiEnv } from "./deps.ts";
import type { Metrics } from "./metrics.ts";

/** A probe that waits longer than its caller says nothing. */
const READY_TIMEOUT_MS = 2_000;

export function healthRoutes({ db, feed }: ApiDeps, metrics: Metrics) {
  return (
    new Hono<ApiEnv>()
      .get("/livez", (c) => c.json({ status: "ok" as const }))
      // No live worker is told, but is no reason to take the API away: stop and cancel work without one.
      .get("/readyz", async (c) => {
        const missing = await inTime(missingMigrations(db));
        if (missing.length > 0) throw new CodedError("database.outdated", "migrations are pending");
        if (feed && !feed.alive()) throw new CodedError("events.unavailable", "the listening connection is down");
        return c.json({ status: "ready" as const, workers: await inTime(liveWorkers(db)) });
      })
      .get("/metrics", async (c) => c.body(await metrics.text(), 200, { "Content-Type": TEXT }))
  );
}

const TEXT = "text/plain; version=0.0.4; charset=utf-8";

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), READY_TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, late]);
  } catch {
    throw new CodedError("database.unavailable", "the database does not answer");
  } finally {
    clearTimeout(timer);
  }
}
