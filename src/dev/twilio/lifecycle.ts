// The life of a call: accepted, dialled, ringing, answered, ended. One timer per live call.

import { isEnd, newCallSid, type Call, type CreateRequest, type EndStatus } from "./call.ts";
import { callParams, type Callbacks } from "./callbacks.ts";
import type { Calls } from "./calls.ts";
import type { EventLog } from "./events.ts";
import type { Faults } from "./faults.ts";
import type { Ledger } from "./ledger.ts";
import type { Scripts } from "./scripts.ts";
import type { Turns } from "./turns.ts";
import type { Webhooks } from "./webhook.ts";

/** TwiML kept per call; longer documents are cut. */
const KEEP_TWIML = 4096;

export interface LifecycleParts {
  accountSid: string;
  listLagMs: number;
  calls: Calls;
  scripts: Scripts;
  faults: Faults;
  turns: Turns;
  callbacks: Callbacks;
  webhooks: Webhooks;
  ledger: Ledger;
  events: EventLog;
}

export class Lifecycle {
  readonly #parts: LifecycleParts;
  readonly #live = new Set<Call>();

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
  }

  /** The calls that have not ended. */
  live(): ReadonlySet<Call> {
    return this.#live;
  }

  /** From here on the call exists and counts, whatever the client is told. `arrivedMs`: when its request arrived. */
  accept(request: CreateRequest, arrivedMs: number): Call {
    const { calls, scripts, faults, ledger, turns } = this.#parts;
    const { to, from, timeout, timeLimit } = request;
    const script = scripts.decide({ to, from, nth: calls.to(to).length + 1, timeout, timeLimit });
    const now = Date.now();
    const call: Call = {
      sid: newCallSid(),
      to,
      from,
      token: request.token,
      index: calls.size,
      createdMs: now,
      listedMs: now + Math.max(this.#parts.listLagMs, faults.listLagMs(to, from)),
      status: "queued",
      startMs: 0,
      answerMs: 0,
      endMs: 0,
      twiml: undefined,
      live: { request, script, timer: undefined, sequence: 0, callbacks: Promise.resolve(), heldBack: undefined },
    };
    calls.add(call);
    this.#live.add(call);
    ledger.accepted(call, arrivedMs);
    this.#note("create.accepted", call);
    turns.take(call, () => this.#after(call, script.initiateAfterMs, () => this.#dial(call)));
    return call;
  }

  /** Ends a call by request: `canceled` unless it was answered, then `completed`. */
  hangUp(call: Call): void {
    this.#end(call, call.status === "in-progress" ? "completed" : "canceled");
  }

  close(): void {
    for (const call of this.#live) clearTimeout(call.live?.timer);
  }

  #dial(call: Call): void {
    this.#parts.ledger.dialled(call);
    this.#note("call.initiated", call);
    this.#parts.callbacks.queue(call, "initiated");
    const script = call.live?.script;
    if (!script) return;
    const neverRings = script.outcome === "failed";
    this.#after(call, script.ringAfterMs, () => (neverRings ? this.#end(call, "failed") : this.#ring(call)));
  }

  #ring(call: Call): void {
    const script = call.live?.script;
    if (!script) return;
    call.status = "ringing";
    call.startMs = Date.now();
    this.#note("call.ringing", call);
    this.#parts.callbacks.queue(call, "ringing");
    const { outcome } = script;
    this.#after(call, script.pickUpAfterMs, () =>
      outcome === "answered" ? this.#answer(call) : this.#end(call, outcome),
    );
  }

  #answer(call: Call): void {
    const live = call.live;
    if (!live) return;
    call.status = "in-progress";
    call.answerMs = Date.now();
    this.#note("call.answered", call);
    this.#parts.callbacks.queue(call, "answered");
    void this.#fetchTwiml(call, live.request);
    this.#after(call, live.script.talkMs, () => this.#end(call, "completed"));
  }

  async #fetchTwiml(call: Call, request: CreateRequest): Promise<void> {
    if (!request.url) {
      call.twiml = request.twiml?.slice(0, KEEP_TWIML);
      return;
    }
    const params = callParams(call, this.#parts.accountSid, "in-progress");
    const answer = await this.#parts.webhooks.send({ url: request.url, method: request.method, params });
    const fetched = "status" in answer && answer.status >= 200 && answer.status < 300;
    if (fetched) call.twiml = answer.body.slice(0, KEEP_TWIML);
    this.#parts.ledger.twiml[fetched ? "fetched" : "failed"] += 1;
    const outcome = "status" in answer ? { http: answer.status } : { detail: answer.error };
    this.#note(fetched ? "twiml.fetched" : "twiml.failed", call, outcome);
  }

  #end(call: Call, status: EndStatus): void {
    if (isEnd(call.status)) return;
    clearTimeout(call.live?.timer);
    const now = Date.now();
    // A call that never rang was dialled all the same, unless it was canceled first.
    if (!call.startMs && status !== "canceled") call.startMs = now;
    call.status = status;
    call.endMs = now;
    this.#live.delete(call);
    this.#parts.ledger.ended(call, status);
    this.#note("call.ended", call);
    this.#parts.callbacks.queue(call, "completed");
  }

  #after(call: Call, ms: number, step: () => void): void {
    const live = call.live;
    if (!live || isEnd(call.status)) return;
    live.timer = setTimeout(step, ms);
  }

  #note(kind: Parameters<EventLog["add"]>[0], call: Call, more: { http?: number; detail?: string } = {}): void {
    const { sid, to, from, token, status } = call;
    this.#parts.events.add(kind, { sid, to, from, token, status, ...more });
  }
}
