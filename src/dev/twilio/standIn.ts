// The Twilio stand-in in this process: an imitation of the Calls API that also watches, from outside, what is asked of it.

import http from "node:http";
import type { AddressInfo } from "node:net";
import { CallsApi } from "./api.ts";
import { Core } from "./core.ts";
import { localObserver } from "./localObserver.ts";
import type { Observer } from "./observer.ts";
import { ObserverApi } from "./observerApi.ts";
import type { StandInOptions } from "./options.ts";
import { send } from "./wire.ts";

/** A running stand-in, in this process or another: where it listens, its credentials, and its observer. */
export interface StandIn extends Observer, AsyncDisposable {
  /** Such as `http://127.0.0.1:43210`, without a slash at the end: the value for TWILIO_API_URL. */
  url: string;
  accountSid: string;
  authToken: string;
  /** Cuts all connections and ends; live calls report nothing more. */
  close(): Promise<void>;
}

/** Long enough that clients, not we, close idle connections: a close in between would look like a reset. */
const KEEP_ALIVE_MS = 120_000;
const BACKLOG = 2048;

/** Resolves when it listens; rejects if the port is taken. */
export async function startStandIn(options: StandInOptions = {}): Promise<StandIn> {
  const core = new Core(options);
  const observer = localObserver(core);
  const [callsApi, observerApi] = [new CallsApi(core), new ObserverApi(observer)];
  const server = http.createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, (request, response) => {
    const url = new URL(request.url ?? "/", "http://stand-in");
    const handled = url.pathname.startsWith("/observer/")
      ? observerApi.handle(request, url).then((answer) => send(response, answer))
      : callsApi.handle(request, response, url);
    handled.catch((error: unknown) => {
      // A client that went away, or we are closing: nobody is left to answer. Anything else is our own bug.
      if (core.closing.signal.aborted || request.destroyed) return;
      console.error("stand-in:", error);
      response.destroy();
    });
  });
  const { host = "127.0.0.1", port = 0 } = options;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog: BACKLOG }, resolve);
  });
  const close = async (): Promise<void> => {
    core.close();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
  return {
    ...observer,
    url: `http://${host.includes(":") ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`,
    accountSid: core.accountSid,
    authToken: core.authToken,
    close,
    [Symbol.asyncDispose]: close,
  };
}
