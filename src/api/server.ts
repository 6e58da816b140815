// The application on a socket. Closing ends the event streams, finishes what runs, then cuts what is left.
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { buildApp } from "./app.ts";
import type { ApiDeps, Log } from "./deps.ts";
import { openFeed } from "./feed.ts";
import { answerOutside } from "./problems.ts";

const SWEEP_MS = 50;

/** Against clients that open connections and dawdle: each costs a socket and memory for as long as it may. */
export interface Timeouts {
  /** From the connection to the end of the headers. */
  headersMs: number;
  /** To the end of the body: 16 MB over a slow line. */
  requestMs: number;
  /**
   * Without a byte of the answer taken, as far as Node knows: the kernel tells it of room only after megabytes, so a reader
   * below some 20 KB/s looks the same. Event streams, and who waits for us, are not meant.
   */
  stalledMs: number;
  /** An idle connection is kept for longer than the 60 seconds of common load balancers, which would race us else. */
  keepAliveMs: number;
  /** How often connections are looked at. */
  checkMs: number;
}

const TIMEOUTS: Timeouts = {
  headersMs: 10_000,
  requestMs: 120_000,
  stalledMs: 300_000,
  keepAliveMs: 65_000,
  checkMs: 5_000,
};
/**
 * A backstop: whoever opens connections without end must not take the process's memory and files with them. Twice the event
 * streams that a process carries (feed.ts), so that requests, webhooks and a proxy's idle connections have as many again.
 */
const MAX_CONNECTIONS = 4_000;
/** A rush of refused connections is one line, not thousands. */
const TELL_OF_REFUSED_EVERY_MS = 60_000;
/** A token may have a few kilobytes; everything else in headers is short. */
const HEADER_BYTES = 16 * 1024;

export interface Api {
  /** Where it listens, with the real port when 0 was asked for. */
  url: string;
  /** Takes no new requests, lets running ones finish for at most `graceMs`, then cuts them. Safe to call twice. */
  close(graceMs: number): Promise<void>;
}

/** Throws what listening throws (EADDRINUSE). */
export async function startApi(
  deps: ApiDeps & { listen: { host: string; port: number }; timeouts?: Timeouts; maxConnections?: number },
): Promise<Api> {
  const timeouts = deps.timeouts ?? TIMEOUTS;
  const feed = deps.feed ?? openFeed({ ...deps, waitingFor: (door, runId) => deps.queue.waitingFor(door, runId) });
  const app = buildApp({ ...deps, feed });
  const listener = getRequestListener(app.fetch, { errorHandler: (error) => answerOutside(error, deps) });
  const server = createServer(serverOptions(timeouts), (request, response) => {
    cutWhenStalled(response);
    void listener(request, response);
  });
  server.timeout = timeouts.stalledMs;
  server.maxConnections = deps.maxConnections ?? MAX_CONNECTIONS;
  tellOfRefused(server, deps.log);
  server.listen(deps.listen.port, deps.listen.host);
  try {
    await once(server, "listening");
  } catch (error) {
    await feed.close();
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    url: urlOf(server.address() as AddressInfo),
    close: (graceMs) => (closing ??= Promise.all([feed.close(), closeServer(server, graceMs)]).then(() => undefined)),
  };
}

const serverOptions = ({ headersMs, requestMs, keepAliveMs, checkMs }: Timeouts) => ({
  headersTimeout: headersMs,
  requestTimeout: requestMs,
  keepAliveTimeout: keepAliveMs,
  connectionsCheckingInterval: checkMs,
  maxHeaderSize: HEADER_BYTES,
});

/** By itself Node would also cut who waits for us, or sends a body slowly: silence of theirs, but no answer to take. */
function cutWhenStalled(response: ServerResponse): void {
  response.on("timeout", (socket: Socket) => {
    if (socket.writableLength > 0) socket.destroy();
  });
}

function tellOfRefused(server: Server, log: Log): void {
  let toldAt = -Infinity;
  server.on("drop", () => {
    if (performance.now() - toldAt < TELL_OF_REFUSED_EVERY_MS) return;
    toldAt = performance.now();
    log.warn({ maxConnections: server.maxConnections }, "api: too many connections, new ones are closed");
  });
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  // A connection whose last answer has gone out would stay open for the client's next request.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(cut);
  clearInterval(sweep);
}
