// Twilio's Calls API: create, fetch, list and update.

import type { IncomingMessage, ServerResponse } from "node:http";
import { callResource, isEnd, type Call } from "./call.ts";
import { pageSize } from "./calls.ts";
import type { Core } from "./core.ts";
import { carryOut, type Exchange } from "./exchange.ts";
import { parseCreate, tokenOf } from "./parse.ts";
import { notFound, problem, TwilioProblem } from "./problems.ts";
import { readBody, send, type Answer } from "./wire.ts";

const PATH = /^\/2010-04-01\/Accounts\/([^/]+)\/Calls(?:\/([^/]+))?\.json$/;

export class CallsApi {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Answers the request, or leaves it hanging if a fault says so. Rejects only if the client goes away or we close. */
  async handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const arrivedMs = performance.now();
    try {
      const [, account, sid] = PATH.exec(url.pathname) ?? [];
      this.#authorise(request, account);
      if (account === undefined) throw notFound(url.pathname);
      const route = `${request.method} ${sid === undefined ? "calls" : "call"}`;
      if (route === "POST calls") await this.#create(request, response, arrivedMs);
      else if (route === "GET calls") await this.#list(response, url);
      else if (route === "GET call") await this.#fetch(response, url, sid ?? "");
      else if (route === "POST call") await this.#update(request, response, url, sid ?? "");
      else throw problem(405);
    } catch (error) {
      if (!(error instanceof TwilioProblem)) throw error;
      send(response, { status: error.status, json: error.body() });
    }
  }

  async #create(request: IncomingMessage, response: ServerResponse, arrivedMs: number): Promise<void> {
    const core = this.#core;
    const form = new URLSearchParams(await readBody(request));
    const [to, from] = [form.get("To") ?? "", form.get("From") ?? ""];
    const token = tokenOf(form.get("StatusCallback") ?? undefined);
    core.ledger.arrived(to, from, token, arrivedMs);
    core.events.add("create.arrived", { to, from, token, params: fields(form) });
    await carryOut(core, { on: "create", response, to, from, token }, () => {
      const parsed = parseCreate(form, core.callerIds);
      if (parsed instanceof TwilioProblem) throw parsed;
      return this.#resource(201, core.lifecycle.accept(parsed, arrivedMs));
    });
  }

  async #fetch(response: ServerResponse, url: URL, sid: string): Promise<void> {
    const call = this.#core.calls.bySid(sid);
    await this.#existing({ on: "fetch", response, ...numbers(call), sid }, () => {
      if (!call) throw notFound(url.pathname);
      return this.#resource(200, call);
    });
  }

  async #list(response: ServerResponse, url: URL): Promise<void> {
    const query = url.searchParams;
    const [to, from] = [query.get("To") ?? "", query.get("From") ?? ""];
    await this.#existing({ on: "list", response, to, from }, () => ({
      status: 200,
      json: this.#page(url.pathname, query),
    }));
  }

  async #update(request: IncomingMessage, response: ServerResponse, url: URL, sid: string): Promise<void> {
    const form = new URLSearchParams(await readBody(request));
    const call = this.#core.calls.bySid(sid);
    await this.#existing({ on: "update", response, ...numbers(call), sid }, () => {
      if (!call) throw notFound(url.pathname);
      const status = form.get("Status");
      if (status !== null && status !== "canceled" && status !== "completed") {
        throw problem(400, 20001, "Invalid parameter: Status");
      }
      const tooLate = isEnd(call.status) || (status === "canceled" && call.status === "in-progress");
      if (tooLate) throw problem(400, 21220, "Invalid call state: Call is not in-progress. Cannot redirect.");
      if (status !== null) this.#core.lifecycle.hangUp(call);
      return this.#resource(200, call);
    });
  }

  async #existing(exchange: Exchange & { on: "fetch" | "list" | "update" }, effect: () => Answer): Promise<void> {
    const { on, to, from, sid } = exchange;
    this.#core.ledger.requests[on] += 1;
    this.#core.events.add(on, { to, from, sid });
    await carryOut(this.#core, exchange, effect);
  }

  #authorise(request: IncomingMessage, account: string | undefined): void {
    const { accountSid, authToken } = this.#core;
    const expected = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString("base64")}`;
    if (request.headers.authorization !== expected) throw problem(401);
    if (account !== undefined && account !== accountSid) throw problem(401);
  }

  #resource(status: number, call: Call): Answer {
    return { status, json: callResource(call, this.#core.accountSid) };
  }

  #page(path: string, query: URLSearchParams): Record<string, unknown> {
    const { calls, next } = this.#core.calls.list(query, Date.now());
    const [page, size] = [Number(query.get("Page") ?? 0), pageSize(query)];
    const uri = (number: number, token?: string): string => {
      const params = new URLSearchParams(query);
      params.delete("PageToken");
      params.set("PageSize", String(size));
      params.set("Page", String(number));
      if (token !== undefined) params.set("PageToken", token);
      return `${path}?${params.toString()}`;
    };
    return {
      calls: calls.map((call) => callResource(call, this.#core.accountSid)),
      page,
      page_size: size,
      start: page * size,
      end: page * size + Math.max(0, calls.length - 1),
      uri: query.size > 0 ? `${path}?${query.toString()}` : path,
      first_page_uri: uri(0),
      next_page_uri: next === undefined ? null : uri(page + 1, next),
      previous_page_uri: null,
    };
  }
}

function numbers(call: Call | undefined): { to: string; from: string } {
  return { to: call?.to ?? "", from: call?.from ?? "" };
}

/** The form as an object; fields that are repeated become lists. */
function fields(form: URLSearchParams): Record<string, string | string[]> {
  const value = (key: string): string | string[] => {
    const values = form.getAll(key);
    return values.length > 1 ? values : (values[0] ?? "");
  };
  return Object.fromEntries([...new Set(form.keys())].map((key) => [key, value(key)]));
}
