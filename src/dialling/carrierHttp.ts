// The HTTP below the Twilio SDK. The SDK's own client queues requests inside its agent and times out only idle sockets;
// here nothing leaves before a last check on a connected socket, and the whole request has one deadline.
import { AsyncLocalStorage } from "node:async_hooks";
import http from "node:http";
import https from "node:https";
import { connect as connectTcp, type Socket } from "node:net";
import { stringify } from "node:querystring";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import twilio from "twilio";

/** The request was not sent: the check before it said no. */
export class NotSent extends Error {}
/** The carrier could not be reached: no connection, so certainly no call. */
export class Unreachable extends Error {}
/** Something was sent, and no whole answer came back. */
export class NoAnswer extends Error {}

class TooLate extends Error {
  readonly code = "ETIMEDOUT";
}

/** Asked on the connected socket, with nothing in between but the write. Set around a dial, absent elsewhere. */
export const sendGate = new AsyncLocalStorage<() => boolean>();

/** The connection below a TLS connection: only that one can be reset. */
const below = new WeakMap<Socket, Socket>();

/** Makes its connections in two steps, so that the lower one is known. */
class ResettableAgent extends https.Agent {
  override createConnection(options: https.RequestOptions): Socket {
    const tcp = connectTcp({ host: options.host ?? "", port: Number(options.port), keepAlive: true, noDelay: true });
    const tls = connectTls({ ...(options as ConnectionOptions), path: undefined, socket: tcp });
    // One that breaks before the handshake is told of by the upper one; nobody listens here.
    tcp.on("error", (error) => tls.destroy(error));
    below.set(tls, tcp);
    return tls;
  }
}

/**
 * Ends the connection at once, with all that the kernel has not delivered. A plain close leaves it to deliver what was
 * written, for minutes after an outage of the network: a call would be made long after everybody took it for lost.
 */
function reset(socket: Socket | null): void {
  if (socket) (below.get(socket) ?? socket).resetAndDestroy();
}

/** Below what carriers and proxies keep idle connections for: a reused dead one would look like a lost answer. */
const IDLE_SOCKET_MS = 4_000;

interface Options {
  /** Replaces https://api.twilio.com in every address. */
  apiUrl: string;
  /** From the first byte of effort to the last byte of the answer. */
  timeoutMs: number;
}

type Asked = Parameters<InstanceType<typeof twilio.RequestClient>["request"]>[0];

export class CarrierHttp extends twilio.RequestClient {
  readonly #options: Options;
  readonly #agent: http.Agent;
  readonly #send: typeof http.request;
  /** By how much the carrier's clock is ahead of this process's, by its latest answer (whole seconds); 0 before the first. */
  carrierAheadMs = 0;

  constructor(options: Options) {
    super();
    this.#options = options;
    const secure = options.apiUrl.startsWith("https:");
    this.#agent = new (secure ? ResettableAgent : http.Agent)({ keepAlive: true, timeout: IDLE_SOCKET_MS });
    this.#send = secure ? https.request : http.request;
  }

  /** @throws NotSent, Unreachable (both: nothing happened), NoAnswer (anything may have happened) */
  override async request(asked: Asked): Promise<never> {
    const url = new URL(asked.uri.replace(/^https:\/\/api\.twilio\.com/, this.#options.apiUrl));
    for (const [key, value] of new URLSearchParams(stringify(asked.params as NodeJS.Dict<string>)))
      url.searchParams.append(key, value);
    const body = asked.data ? stringify(asked.data as NodeJS.Dict<string | string[]>) : undefined;
    const headers: Record<string, string> = { ...asked.headers };
    if (asked.username && asked.password)
      headers["Authorization"] = `Basic ${Buffer.from(`${asked.username}:${asked.password}`).toString("base64")}`;
    if (body !== undefined) {
      headers["Content-Type"] = "application/x-www-form-urlencoded";
      headers["Content-Length"] = String(Buffer.byteLength(body));
    }
    // `never`: the SDK's response type is generic in the parsed body, which it parses itself from this text.
    return (await this.#exchange(url, asked.method.toUpperCase(), headers, body)) as never;
  }

  async #exchange(url: URL, method: string, headers: Record<string, string>, body: string | undefined) {
    const maySend = sendGate.getStore() ?? (() => true);
    let sent = false;
    const request = this.#send(url, { method, headers, agent: this.#agent });
    let deadline: NodeJS.Timeout | undefined;
    try {
      return await new Promise<{ statusCode: number; body: string; headers: http.IncomingHttpHeaders }>(
        (resolve, reject) => {
          // Not the request's own signal: it would close the connection before it can be reset.
          deadline = setTimeout(() => reject(new TooLate("time is up")), this.#options.timeoutMs);
          request.on("error", reject);
          request.on("response", (response) => {
            const dated = Date.parse(response.headers.date ?? "");
            if (!Number.isNaN(dated)) this.carrierAheadMs = dated - Date.now();
            let text = "";
            response.setEncoding("utf8");
            response.on("data", (chunk: string) => (text += chunk));
            response.on("error", reject);
            response.on("end", () =>
              resolve({ statusCode: response.statusCode ?? 0, body: text, headers: response.headers }),
            );
          });
          // Nothing is written before end(): the headers wait for it.
          whenConnected(request, () => {
            if (!maySend()) return reject(new NotSent("too late to send"));
            sent = true;
            request.end(body);
          });
        },
      );
    } catch (error) {
      if (sent) reset(request.socket);
      request.destroy();
      if (error instanceof NotSent) throw error;
      const reason = error instanceof Error && "code" in error ? String(error.code) : "error";
      if (!sent) throw new Unreachable(`the carrier could not be reached (${reason})`, { cause: error });
      throw new NoAnswer(`no answer from the carrier (${reason})`, { cause: error });
    } finally {
      clearTimeout(deadline);
    }
  }
}

function whenConnected(request: http.ClientRequest, ready: () => void): void {
  request.on("socket", (socket: Socket & { encrypted?: boolean }) => {
    if (socket.connecting) socket.once(socket.encrypted ? "secureConnect" : "connect", ready);
    else ready();
  });
}
