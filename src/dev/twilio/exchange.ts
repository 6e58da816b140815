// The way of every API request: held, struck by a fault, carried out, held again, struck again, answered.

import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Core } from "./core.ts";
import type { RequestFault } from "./faults.ts";
import { TwilioProblem } from "./problems.ts";
import { send, spoil, type Answer } from "./wire.ts";

/** A request whose body has been read. `to` and `from` are those of the call or of the filter, empty if there are none. */
export interface Exchange {
  on: RequestFault["on"];
  response: ServerResponse;
  to: string;
  from: string;
  sid?: string;
  token?: string | undefined;
}

/** Carries the effect out, or not, and answers, or not, as holds and faults have it. `effect` may throw a TwilioProblem. */
export async function carryOut(core: Core, exchange: Exchange, effect: () => Answer): Promise<void> {
  const { on, to, from } = exchange;
  const fault = core.faults.request(on, to, from);
  if (fault) note(core, exchange, fault);
  await hold(core, exchange, "before");
  if (fault?.at === "before") {
    if (fault.kind !== "slow") return answered(core, exchange, spoil(exchange.response, fault, okStatus(on)));
    await wait(core, fault.ms);
  }
  const answer = attempt(effect);
  // A refusal leaves nothing to be ambiguous about: it is told as it is.
  if (answer.status < 300) {
    await hold(core, exchange, "after");
    if (fault?.at === "after") {
      if (fault.kind !== "slow") return answered(core, exchange, spoil(exchange.response, fault, okStatus(on)));
      await wait(core, fault.ms);
    }
  }
  send(exchange.response, answer);
  answered(core, exchange, answer.status);
}

function okStatus(on: RequestFault["on"]): number {
  return on === "create" ? 201 : 200;
}

function attempt(effect: () => Answer): Answer {
  try {
    return effect();
  } catch (error) {
    if (!(error instanceof TwilioProblem)) throw error;
    return { status: error.status, json: error.body() };
  }
}

async function hold(core: Core, { on, to, from, token }: Exchange, at: "before" | "after"): Promise<void> {
  const held = on === "create" ? core.holds.pass(at, to, from) : undefined;
  if (!held) return;
  core.events.add("create.held", { to, from, token, detail: at });
  await held;
}

async function wait(core: Core, ms = 0): Promise<void> {
  await sleep(ms, undefined, { signal: core.closing.signal });
}

function note(core: Core, { on, to, from, sid, token }: Exchange, fault: RequestFault): void {
  const detail = `${on}/${fault.kind}`;
  core.ledger.fault(detail);
  core.events.add("fault", { to, from, sid, token, detail });
}

/** `http` is 0 when nothing was answered. */
function answered(core: Core, { on, to, from, token }: Exchange, http: number): void {
  if (on === "create" && http > 0) core.events.add("create.answered", { to, from, token, http });
}
