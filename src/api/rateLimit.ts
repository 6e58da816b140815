// So many requests a minute for each business, over all API processes, with the RateLimit headers of the IETF's draft
// (draft-ietf-httpapi-ratelimit-headers-10). One loud tenant must not make the others wait. The minute slides: no burst
// around a full minute gets twice as many.
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
/** Beyond this many businesses, those with nothing to remember are forgotten. */
const REMEMBERED = 1_000;

/** What this process has of a business's requests. */
interface Share {
  mine: number;
  /** Older ones are in nobody's count any more. */
  mineUntil: number;
  /** Nobody's yet, when we last looked. */
  left: number;
  /** No use to ask before this. */
  noneUntil: number;
  leasing: Promise<void> | undefined;
}

export function limitRequests({ db, log, config }: Pick<ApiDeps, "db" | "log" | "config">): MiddlewareHandler<ApiEnv> {
  const limit = config.requestsPerMinute ?? REQUESTS_PER_MINUTE;
  const batch = Math.max(1, Math.floor(limit / LEASES_PER_WINDOW));
  const shares = new Map<number, Share>();

  const lease = async (businessId: number, share: Share) => {
    const { granted, left, freeInMs } = await leaseRequests(db, businessId, batch, limit);
    const now = performance.now();
    const noneUntil = left > 0 ? 0 : now + freeInMs;
    Object.assign(share, { mine: granted, mineUntil: now + WINDOW_SECONDS * 1_000, left, noneUntil });
  };

  const shareOf = (businessId: number): Share => {
    const known = shares.get(businessId);
    if (known) return known;
    const now = performance.now();
    if (shares.size >= REMEMBERED)
      for (const [id, { mineUntil, noneUntil }] of shares) if (now >= Math.max(mineUntil, noneUntil)) shares.delete(id);
    const share = { mine: 0, mineUntil: 0, left: limit, noneUntil: 0, leasing: undefined };
    shares.set(businessId, share);
    return share;
  };

  /** False: the minute has none left. Requests that come while we ask wait for the same answer. */
  const take = async (businessId: number, share: Share): Promise<boolean> => {
    for (;;) {
      const now = performance.now();
      if (now < share.mineUntil && share.mine > 0) return share.mine-- > 0;
      if (now < share.noneUntil) return false;
      share.leasing ??= lease(businessId, share).finally(() => (share.leasing = undefined));
      await share.leasing;
    }
  };

  return async (c, next) => {
    const businessId = c.get("caller").businessId ?? NO_BUSINESS;
    const share = shareOf(businessId);
    let allowed: boolean;
    try {
      allowed = await take(businessId, share);
    } catch (error) {
      // Without its database the request says so itself; the limit is no reason to fail.
      log.warn({ err: error }, "Requests could not be counted");
      return await next();
    }
    c.header("RateLimit-Policy", `"business";q=${limit};w=${WINDOW_SECONDS}`);
    // What is left over all processes, in steps of a lease: exact figures would differ in answers that must be alike.
    const seconds = Math.ceil((share.noneUntil - performance.now()) / 1_000);
    c.header("RateLimit", `"business";r=${allowed ? share.left : 0}${allowed ? "" : `;t=${seconds}`}`);
    if (!allowed)
      throw new CodedError("request.too_many", "over the limit", { retryAfterSeconds: Math.max(1, seconds) });
    return await next();
  };
}
