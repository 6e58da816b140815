// The application on a socket. Closing ends the event streams, finishes what runs, then cuts what is left.
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { buildApp } from "./app.ts";
import type { ApiDeps } from "./deps.ts";
import { openFeed } from "./feed.ts";

const SWEEP_MS = 50;

export interface Api {
  /** Where it listens, with the real port when 0 was asked for. */
  url: string;
  /** Takes no new requests, lets running ones finish for at most `graceMs`, then cuts them. Safe to call twice. */
  close(graceMs: number): Promise<void>;
}

/** Throws what listening throws (EADDRINUSE). */
export async function startApi(deps: ApiDeps & { listen: { host: string; port: number } }): Promise<Api> {
  const feed = deps.feed ?? openFeed({ ...deps, waitingFor: (door, runId) => deps.queue.waitingFor(door, runId) });
  const app = buildApp({ ...deps, feed });
  const listener = getRequestListener(app.fetch);
  const server = createServer((request, response) => void listener(request, response));
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
