// Where the stand-in's webhooks arrive: hands each status callback to applyNews. The one file to change when tests
// should go through the real API instead.
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { Database } from "../../../db/client.ts";
import type { Logger } from "../../../src/log.ts";
import { nobodyListens } from "../../../src/runs/engine.ts";
import { applyNews, type CarrierNews } from "../../../src/runs/news.ts";
import type { Scope } from "../postgres.ts";

export interface Receiver {
  /** Without a slash at the end: what workers get as their public URL. */
  publicUrl: string;
}

export async function startReceiver(scope: Scope, db: Database, log: Logger): Promise<Receiver> {
  const server = http.createServer((request, response) => {
    receive(db, log, request).then(
      (status) => void response.writeHead(status, { "Content-Type": "text/xml" }).end(),
      () => void response.writeHead(503).end(),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(async () => {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  });
  return { publicUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function receive(db: Database, log: Logger, request: http.IncomingMessage): Promise<number> {
  const url = new URL(request.url ?? "/", "http://receiver");
  let body = "";
  for await (const chunk of request) body += String(chunk);
  if (url.pathname !== "/webhooks/twilio/status") return 200;
  const form = new URLSearchParams(body);
  const duration = form.get("CallDuration");
  const news: CarrierNews = {
    token: url.searchParams.get("token"),
    sid: form.get("CallSid") ?? "",
    status: form.get("CallStatus") ?? "",
    durationSeconds: duration === null ? null : Number(duration),
    from: "callback",
  };
  await applyNews(db, news, nobodyListens, log);
  return 204;
}
