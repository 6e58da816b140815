// Reading requests and writing answers, and the ways of spoiling an answer.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { RequestFault } from "./faults.ts";
import { problem } from "./problems.ts";

/** A status and what is to be said in JSON. */
export interface Answer {
  status: number;
  json: unknown;
}

/** Observer requests list thousands of numbers; Twilio's own are small. */
const MAX_BODY = 16 * 1024 * 1024;

/** The body as text. Throws if the client goes away or the body is too large. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw problem(400, 20001, "The body is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

export function send(response: ServerResponse, answer: Answer): void {
  write(response, answer.status, "application/json", JSON.stringify(answer.json));
}

/** Spoils the answer as the fault says. `okStatus` is what the healthy answer would have had. Returns the status sent, 0 if none. */
export function spoil(response: ServerResponse, fault: RequestFault, okStatus: number): number {
  switch (fault.kind) {
    case "error": {
      const refusal = problem(fault.status ?? 500, fault.code, fault.message);
      send(response, { status: refusal.status, json: refusal.body() });
      return refusal.status;
    }
    case "html":
      write(response, okStatus, "text/html", "<!doctype html><title>Twilio</title><p>Something else entirely</p>");
      return okStatus;
    case "no-sid":
      send(response, { status: okStatus, json: {} });
      return okStatus;
    case "reset":
      response.socket?.resetAndDestroy();
      return 0;
    case "hang":
    case "slow":
      return 0;
    default:
      return fault.kind satisfies never;
  }
}

function write(response: ServerResponse, status: number, type: string, body: string): void {
  if (response.destroyed) return;
  response.writeHead(status, { "Content-Type": `${type}; charset=utf-8`, "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}
