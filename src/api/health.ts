// Whether the process lives, and whether it may be sent requests.
import { Hono } from "hono";
import { missingMigrations } from "../../db/system.ts";
import { CodedError } from "../errors.ts";
import type { ApiDeps, ApiEnv } from "./deps.ts";

/** A probe that waits longer than its caller says nothing. */
const READY_TIMEOUT_MS = 2_000;

export function healthRoutes({ db }: ApiDeps) {
  return new Hono<ApiEnv>()
    .get("/livez", (c) => c.json({ status: "ok" as const }))
    .get("/readyz", async (c) => {
      const missing = await inTime(missingMigrations(db));
      if (missing.length > 0) throw new CodedError("database.outdated", "migrations are pending");
      return c.json({ status: "ready" as const });
    });
}

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
