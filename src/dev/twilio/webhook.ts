// Requests from the carrier to the application: signed, over kept connections, retried once if no connection came about.

import http from "node:http";
import https from "node:https";
import { signatureOf } from "./signature.ts";

/** Twilio gives a webhook 15 seconds in all. */
const TIMEOUT_MS = 15_000;
/** Enough for thousands of calls whose callbacks hang; more would exhaust file descriptors first. */
const MAX_SOCKETS = 1024;
/** Longer answers are not read: TwiML is small. */
const MAX_BODY = 64 * 1024;
const NO_CONNECTION = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT"]);

export interface WebhookRequest {
  url: string;
  method: "GET" | "POST";
  params: Record<string, string>;
  /** Sign with a wrong key. */
  badSignature?: boolean;
}

export type WebhookAnswer = { status: number; body: string; retried: boolean } | { error: string; retried: boolean };

/** Never throws: what went wrong is the answer. */
export class Webhooks {
  readonly #authToken: string;
  readonly #agents = {
    "http:": new http.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
    "https:": new https.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
  };

  constructor(authToken: string) {
    this.#authToken = authToken;
  }

  async send(request: WebhookRequest): Promise<WebhookAnswer> {
    const first = await this.#once(request);
    if (!("noConnection" in first)) return { ...first, retried: false };
    if (!first.noConnection) return { error: first.error, retried: false };
    const second = await this.#once(request);
    return "noConnection" in second ? { error: second.error, retried: true } : { ...second, retried: true };
  }

  close(): void {
    this.#agents["http:"].destroy();
    this.#agents["https:"].destroy();
  }

  #once(request: WebhookRequest): Promise<{ status: number; body: string } | { error: string; noConnection: boolean }> {
    const form = new URLSearchParams(request.params).toString();
    const isPost = request.method === "POST";
    const url = isPost ? request.url : `${request.url}${request.url.includes("?") ? "&" : "?"}${form}`;
    const key = request.badSignature ? `not-${this.#authToken}` : this.#authToken;
    const headers: Record<string, string> = {
      "X-Twilio-Signature": signatureOf(key, url, isPost ? request.params : {}),
      "User-Agent": "TwilioProxy/1.1",
      Accept: "*/*",
    };
    if (isPost) {
      headers["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8";
      headers["Content-Length"] = String(Buffer.byteLength(form));
    }
    const secure = url.toLowerCase().startsWith("https:");
    const agent = this.#agents[secure ? "https:" : "http:"];
    return new Promise((resolve) => {
      const outgoing = (secure ? https : http).request(url, { method: request.method, headers, agent });
      const timer = setTimeout(() => outgoing.destroy(new Error("timeout")), TIMEOUT_MS);
      outgoing.on("response", (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          if (body.length < MAX_BODY) body += chunk;
        });
        response.on("end", () => {
          clearTimeout(timer);
          resolve({ status: response.statusCode ?? 0, body });
        });
        response.on("error", (error) => {
          clearTimeout(timer);
          resolve({ error: error.message, noConnection: false });
        });
      });
      outgoing.on("error", (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        // A kept connection that the other side had closed meanwhile never was a connection for this request.
        const stale = outgoing.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
        resolve({ error: error.code ?? error.message, noConnection: stale || NO_CONNECTION.has(error.code ?? "") });
      });
      outgoing.end(isPost ? form : undefined);
    });
  }
}
