// So many requests a minute for each business, over all API processes, with the RateLimit headers of the IETF's draft
// (draft-ietf-httpapi-ratelimit-headers-10). One loud tenant must not make the others wait.
//
// Naively counts in fixed windows, so that around a full minute a business may make twice as many.
import type { MiddlewareHandler } from "hono";
import { leaseRequests, WINDOW_SECONDS } from "../../db/requestCounts.ts";
import { CodedError } from "../errors.ts";
import type { ApiDeps, ApiEnv } from "./deps.ts";

/** A page asks once a second or less; this is room for a hundred of them, and for a script that polls hard. */
export const REQUESTS_PER_MINUTE = 6_000;
/** A process writes the shared row once for this part of the limit, and may leave as much unused. */
const LEASES_PER_WINDOW = 20;
/** system_admin belongs to no business: all of them share one count. */
const NO_BUSINESS = 0;
/** Beyond this many businesses, those whose window is over are forgotten. */
const REMEMBERED = 1_000;

interface Window {
  mine: number;
  /** Nobody's yet, when we last looked. */
  left: number;
  endsAt: number;
  leasing: Promise<void> | undefined;
}

export function limitRequests({ db, log, config }: Pick<ApiDeps, "db" | "log" | "config">): MiddlewareHandler<ApiEnv> {
  const limit = config.requestsPerMinute ?? REQUESTS_PER_MINUTE;
  const batch = Math.max(1, Math.floor(limit / LEASES_PER_WINDOW));
  const windows = new Map<number, Window>();

  const lease = async (businessId: number, window: Window) => {
    const { granted, left, endsInMs } = await leaseRequests(db, businessId, batch, limit);
    const isNew = performance.now() >= window.endsAt;
    Object.assign(window, {
      mine: (isNew ? 0 : window.mine) + granted,
      left,
      endsAt: performance.now() + endsInMs,
    });
  };

  const windowOf = (businessId: number): Window => {
    const known = windows.get(businessId);
    if (known) return known;
    if (windows.size >= REMEMBERED)
      for (const [id, window] of windows) if (performance.now() >= window.endsAt) windows.delete(id);
    const window = { mine: 0, left: limit, endsAt: 0, leasing: undefined };
    windows.set(businessId, window);
    return window;
  };

  /** False: the window has none left. Requests that come while we ask wait for the same answer. */
  const take = async (businessId: number, window: Window): Promise<boolean> => {
    for (;;) {
      const over = performance.now() >= window.endsAt;
      if (!over && window.mine > 0) return window.mine-- > 0;
      if (!over && window.left === 0) return false;
      window.leasing ??= lease(businessId, window).finally(() => (window.leasing = undefined));
      await window.leasing;
    }
  };

  return async (c, next) => {
    const businessId = c.get("caller").businessId ?? NO_BUSINESS;
    const window = windowOf(businessId);
    let allowed: boolean;
    try {
      allowed = await take(businessId, window);
    } catch (error) {
      // Without its database the request says so itself; the limit is no reason to fail.
      log.warn({ err: error }, "Requests could not be counted");
      return await next();
    }
    c.header("RateLimit-Policy", `"business";q=${limit};w=${WINDOW_SECONDS}`);
    // What is left over all processes, in steps of a lease: exact figures would differ in answers that must be alike.
    const seconds = Math.ceil((window.endsAt - performance.now()) / 1_000);
    c.header("RateLimit", `"business";r=${allowed ? window.left : 0}${allowed ? "" : `;t=${seconds}`}`);
    if (!allowed)
      throw new CodedError("request.too_many", "over the limit", { retryAfterSeconds: Math.max(1, seconds) });
    return await next();
  };
}
