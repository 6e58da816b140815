// The observer over HTTP, under /observer/: JSON in, JSON out, no authentication (it listens on the own machine only).

import type { IncomingMessage } from "node:http";
import type { Fault } from "./faults.ts";
import type { HoldRule } from "./holds.ts";
import type { MarkRule } from "./marks.ts";
import type { CallFilter, Hold, Observer } from "./observer.ts";
import type { ScriptRule } from "./scripts.ts";
import { readBody, type Answer } from "./wire.ts";

/** The bodies of the requests, by path. */
export interface ObserverBodies {
  "PUT scripts": ScriptRule[];
  "PUT faults": Fault[];
  "POST faults": Fault[];
  "POST marks": { label: string } & MarkRule;
  "POST groups": { label: string; tos: string[] };
  "POST holds": HoldRule;
  "POST release": { id: number; count?: number };
}

export class ObserverApi {
  readonly #observer: Observer;
  readonly #holds: Hold[] = [];

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  /** 200 with the result, 400 with `{error}` for what cannot be understood, 404 for an unknown path. */
  async handle(request: IncomingMessage, url: URL): Promise<Answer> {
    const route = `${request.method} ${url.pathname.replace(/^\/observer\//, "")}`;
    try {
      const text = await readBody(request);
      const result = await this.#run(route, text ? (JSON.parse(text) as unknown) : {}, url.searchParams);
      return result === NOT_FOUND
        ? { status: 404, json: { error: `no ${route}` } }
        : { status: 200, json: result ?? {} };
    } catch (error) {
      return { status: 400, json: { error: error instanceof Error ? error.message : String(error) } };
    }
  }

  async #run(route: string, body: unknown, query: URLSearchParams): Promise<unknown> {
    const observer = this.#observer;
    const given = <R extends keyof ObserverBodies>(_route: R): ObserverBodies[R] => body as ObserverBodies[R];
    switch (route) {
      case "GET report":
        return observer.report();
      case "POST reset":
        return observer.resetReport();
      case "PUT scripts":
        return observer.setScripts(given("PUT scripts"));
      case "PUT faults":
        return observer.setFaults(given("PUT faults"));
      case "POST faults":
        return observer.addFaults(given("POST faults"));
      case "POST marks": {
        const { label, ...rule } = given("POST marks");
        return observer.mark(label, rule);
      }
      case "POST groups": {
        const { label, tos } = given("POST groups");
        return observer.group(label, tos);
      }
      case "GET calls":
        return observer.calls(callFilter(query));
      case "GET timeline":
        return observer.timeline(query.get("from") ?? "");
      case "GET events":
        return observer.events(Number(query.get("after") ?? 0));
      case "POST holds": {
        const id = this.#holds.push(await observer.holdCreates(given("POST holds"))) - 1;
        return { id };
      }
      case "GET holds":
        return { waiting: await this.#hold(Number(query.get("id"))).waiting() };
      case "POST release": {
        const { id, count } = given("POST release");
        return { released: await this.#hold(id).release(count) };
      }
      default:
        return NOT_FOUND;
    }
  }

  #hold(id: number): Hold {
    const hold = this.#holds[id];
    if (!hold) throw new Error(`no hold ${id}`);
    return hold;
  }
}

const NOT_FOUND = Symbol("not found");

function callFilter(query: URLSearchParams): CallFilter {
  const filter: CallFilter = Object.fromEntries(query);
  if (query.has("limit")) filter.limit = Number(query.get("limit"));
  return filter;
}
