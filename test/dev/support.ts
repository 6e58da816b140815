// What the stand-in's tests share: the real SDK aimed at it, and a receiver for its webhooks.

import http from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import twilio from "twilio";
import { startStandIn, type StandIn } from "../../src/dev/twilio/standIn.ts";
import type { StandInOptions } from "../../src/dev/twilio/options.ts";

export const FROM = "+97235550100";

/** A number of our own for each n: `+972501000007`. */
export function number(n: number): string {
  return `+97250${1_000_000 + n}`;
}

/** A stand-in that closes with the test; calls are over in an instant unless the options say otherwise. */
export async function aStandIn(t: TestContext, options: StandInOptions = {}): Promise<StandIn> {
  const standIn = await startStandIn({ preset: "instant", ...options });
  t.after(() => standIn.close());
  return standIn;
}

/** The SDK with its requests sent to the stand-in. `timeout` in milliseconds: only who waits in vain wants a short one. */
export function sdk(standIn: Pick<StandIn, "url" | "accountSid" | "authToken">, timeout = 15_000) {
  class Redirected extends twilio.RequestClient {
    override request: twilio.RequestClient["request"] = (options) => {
      const uri = options.uri.replace("https://api.twilio.com", standIn.url);
      return super.request({ ...options, uri, timeout });
    };
  }
  return twilio(standIn.accountSid, standIn.authToken, { httpClient: new Redirected() });
}

export interface Received {
  url: string;
  method: string;
  signature: string;
  params: Record<string, string>;
}

/** A webhook receiver: `requests` grows as they arrive; `answer` decides the status and the body. */
export async function aReceiver(t: TestContext, answer = () => ({ status: 204, body: "" })) {
  const requests: Received[] = [];
  const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const received = {
        url: `${url}${request.url}`,
        method: request.method ?? "",
        signature: String(request.headers["x-twilio-signature"]),
        params: Object.fromEntries(new URLSearchParams(body)),
      };
      requests.push(received);
      const { status, body: text } = answer();
      response.writeHead(status, { "Content-Type": "text/xml" }).end(text);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url, requests };
}

/** No call is live and no callback is under way. */
export async function quiet(standIn: StandIn): Promise<void> {
  await standIn.waitFor((report) => report.liveNow === 0 && report.callbacks.pending === 0);
}

/** What the SDK rejects with, as far as tests look at it. */
export interface SdkError {
  status?: number;
  code?: number | string;
  message: string;
  name: string;
  moreInfo?: string;
}

export async function errorOf(promise: Promise<unknown>): Promise<SdkError> {
  try {
    await promise;
  } catch (error) {
    return error as SdkError;
  }
  throw new Error("it did not fail");
}
