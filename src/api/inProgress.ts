// So many requests in progress for each business in this process: an import or an enqueue holds a connection for as long
// as it takes, and whoever sends a dozen of them must not take every connection from the others. Looked at before the
// body is read. Naively counts requests, though some hold no connection for a part of their time.
import type { MiddlewareHandler } from "hono";
import { CodedError } from "../errors.ts";
import type { ApiDeps, ApiEnv } from "./deps.ts";

/** Longer than people's requests ever queue, twenty impatient clicks on a long list included; shorter than a proxy waits. */
const LONGEST_WAIT_MS = 15_000;
/** More than this many wait for a script, not for people. */
const MOST_WAITING = 200;
const RETRY_AFTER_SECONDS = 5;
/** system_admin belongs to no business: all of them share one count. */
const NO_BUSINESS = 0;

type Kind = "import" | "enqueue" | "stop" | "other";

interface Waiting {
  kind: Kind;
  go: () => void;
}

interface Busy {
  all: number;
  of: Record<Kind, number>;
  waiting: Waiting[];
}

const STOP = /^\/api\/(outbound\/stop-queue|outbound_calls\/jobs\/[^/]+\/(force-)?cancel)$/;
const ENQUEUE = /^\/api\/(outbound\/(bulk-enqueue|runs\/[^/]+\/call-cancelled)|outbound_calls\/start)$/;
const EVENTS = /\/events$/;

function kindOf(method: string, path: string): Kind {
  if (method !== "POST") return "other";
  if (STOP.test(path)) return "stop";
  if (ENQUEUE.test(path)) return "enqueue";
  return path === "/api/outbound/import-leads" ? "import" : "other";
}

export function limitInProgress({ db, config }: Pick<ApiDeps, "db" | "config">): MiddlewareHandler<ApiEnv> {
  const { longestWaitMs = LONGEST_WAIT_MS } = config;
  // Half of the connections. (Asked late: who only wants the document builds the application without a database.)
  const all = () => Math.max(2, Math.ceil(db.$client.options.max / 2));
  const most: Record<Kind, number> = { import: 2, enqueue: 4, stop: Infinity, other: Infinity };
  const businesses = new Map<number, Busy>();

  const hasRoom = (busy: Busy, kind: Kind) => kind === "stop" || (busy.all < all() && busy.of[kind] < most[kind]);
  const count = (busy: Busy, kind: Kind, by: 1 | -1) => {
    busy.all += by;
    busy.of[kind] += by;
  };

  /** Who is let in is counted here and now: between a freed place and its next request nobody else may take it. */
  const letIn = (busy: Busy) => {
    busy.waiting = busy.waiting.filter(({ kind, go }) => {
      if (!hasRoom(busy, kind)) return true;
      count(busy, kind, 1);
      go();
      return false;
    });
  };

  const enter = async (busy: Busy, kind: Kind): Promise<void> => {
    if (hasRoom(busy, kind)) return count(busy, kind, 1);
    if (busy.waiting.length >= MOST_WAITING) throw tooMany();
    await new Promise<void>((resolve, reject) => {
      const waiting = { kind, go: () => (clearTimeout(timer), resolve()) };
      const timer = setTimeout(() => {
        busy.waiting = busy.waiting.filter((other) => other !== waiting);
        reject(tooMany());
      }, longestWaitMs);
      busy.waiting.push(waiting);
    });
  };

  return async (c, next) => {
    // Streams have a limit of their own, and hold no connection.
    if (EVENTS.test(c.req.path)) return await next();
    const businessId = c.get("caller").businessId ?? NO_BUSINESS;
    const busy = businesses.get(businessId) ?? nobodyYet();
    businesses.set(businessId, busy);
    const kind = kindOf(c.req.method, c.req.path);
    await enter(busy, kind);
    try {
      await next();
    } finally {
      count(busy, kind, -1);
      letIn(busy);
      if (busy.all === 0) businesses.delete(businessId);
    }
  };
}

const nobodyYet = (): Busy => ({ all: 0, of: { import: 0, enqueue: 0, stop: 0, other: 0 }, waiting: [] });

const tooMany = () =>
  new CodedError("request.too_many_at_once", "too many in progress", { retryAfterSeconds: RETRY_AFTER_SECONDS });
