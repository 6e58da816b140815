// Watching a run live: server-sent events, read with fetch because the token belongs in a header, never in a URL.
import { Hono } from "hono";
import { CodedError } from "../errors.ts";
import type { Access } from "./access.ts";
import { valid } from "./body.ts";
import type { ApiDeps, ApiEnv } from "./deps.ts";
import { eventStream } from "./eventStream.ts";
import { runParam } from "./schemas.ts";
import { watchedRunView } from "./views.ts";

export function eventRoutes({ feed }: ApiDeps, access: Access) {
  return new Hono<ApiEnv>().get("/runs/:run_id/events", valid("param", runParam), async (c) => {
    const { tenant, run } = await access.run(c, c.req.valid("param").run_id);
    if (!feed) throw new CodedError("events.unavailable", "this process has no feed");
    const locale = c.get("locale");
    const headers = {
      "Content-Type": "text/event-stream; charset=utf-8",
      // Proxies must neither keep nor compress nor collect what should arrive at once.
      "Cache-Control": "no-store, no-transform",
      "X-Accel-Buffering": "no",
    };
    // Nobody would read the stream, so that it would keep its place for ever.
    if (c.req.method === "HEAD") return c.body(null, 200, headers);
    const stream = eventStream({
      watch: (watcher) => feed.watch(tenant, run.id, watcher),
      body: (state) => watchedRunView(state.run, state.waiting, locale),
      lastId: c.req.header("last-event-id"),
      expiresAt: c.get("caller").expiresAt * 1_000,
    });
    return c.body(stream, 200, headers);
  });
}
