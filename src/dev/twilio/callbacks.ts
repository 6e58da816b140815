// Status callbacks: which events are wanted, what they say, and in which order (or disorder) they leave.

import { durationSeconds, rfc2822, type Call, type CallbackEvent, type Live } from "./call.ts";
import type { EventLog } from "./events.ts";
import type { Faults } from "./faults.ts";
import type { Ledger } from "./ledger.ts";
import type { Webhooks } from "./webhook.ts";

/** The fields that every webhook of a call carries. */
export function callParams(call: Call, accountSid: string, status: string): Record<string, string> {
  const { from, to } = call;
  return {
    CallSid: call.sid,
    AccountSid: accountSid,
    From: from,
    To: to,
    Caller: from,
    Called: to,
    CallStatus: status,
    ApiVersion: "2010-04-01",
    Direction: "outbound-api",
    // Twilio sends the geography of numbers that it does not know as empty fields, and signs them.
    FromCity: "",
    FromCountry: "",
    ToCity: "",
    ToCountry: "",
  };
}

const SIP: Record<string, string> = {
  completed: "200",
  busy: "486",
  "no-answer": "487",
  failed: "404",
  canceled: "487",
};

export class Callbacks {
  readonly #accountSid: string;
  readonly #webhooks: Webhooks;
  readonly #faults: Faults;
  readonly #ledger: Ledger;
  readonly #events: EventLog;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(accountSid: string, parts: { webhooks: Webhooks; faults: Faults; ledger: Ledger; events: EventLog }) {
    this.#accountSid = accountSid;
    this.#webhooks = parts.webhooks;
    this.#faults = parts.faults;
    this.#ledger = parts.ledger;
    this.#events = parts.events;
  }

  /** Queues the callback of what has just happened to a live call; those that the request did not ask for are not sent. */
  queue(call: Call, event: CallbackEvent): void {
    const live = call.live;
    if (!live) return;
    const url = live.request.statusCallback;
    if (url && live.request.statusCallbackEvents.has(event)) this.#dispatch(call, live, event, url);
    if (event !== "completed") return;
    const last = live.heldBack;
    live.heldBack = undefined;
    if (last) live.callbacks = live.callbacks.then(last);
    void forgetAfter(live.callbacks, call);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #dispatch(call: Call, live: Live, event: CallbackEvent, url: string): void {
    const faults = this.#faults.callback(event, call.to, call.from);
    const fault = (kind: string) => faults.find((one) => one.kind === kind);
    for (const one of faults) {
      this.#ledger.fault(`callback/${one.kind}`);
      this.#events.add("fault", { ...about(call), event, detail: `callback/${one.kind}` });
    }
    const params = this.#params(call, live, event);
    if (fault("drop")) {
      this.#ledger.callbacks.dropped += 1;
      this.#events.add("callback.dropped", { ...about(call), event });
      return;
    }
    const badSignature = fault("bad-signature") !== undefined;
    const send = this.#sender(call, event, { url, method: live.request.statusCallbackMethod, params, badSignature });
    const [delay, double] = [fault("delay"), fault("double")];
    const release = live.heldBack;
    if (fault("reorder") && !release && event !== "completed") live.heldBack = send;
    else if (delay) this.#later(delay.ms ?? 0, send);
    else live.callbacks = live.callbacks.then(send);
    if (release) {
      live.callbacks = live.callbacks.then(release);
      live.heldBack = undefined;
    }
    if (!double) return;
    const again = this.#sender(call, event, { url, method: live.request.statusCallbackMethod, params, badSignature });
    if (double.ms === undefined) live.callbacks = live.callbacks.then(again);
    else this.#later(double.ms + (delay?.ms ?? 0), again);
  }

  #params(call: Call, live: Live, event: CallbackEvent): Record<string, string> {
    const status = event === "initiated" ? "initiated" : call.status;
    const params = callParams(call, this.#accountSid, status);
    params["Timestamp"] = rfc2822(Date.now());
    params["CallbackSource"] = "call-progress-events";
    params["SequenceNumber"] = String(live.sequence);
    live.sequence += 1;
    if (event === "completed") {
      const seconds = durationSeconds(call);
      params["CallDuration"] = String(seconds);
      params["Duration"] = String(Math.ceil(seconds / 60));
      params["SipResponseCode"] = SIP[call.status] ?? "200";
    }
    return params;
  }

  #sender(call: Call, event: CallbackEvent, request: Parameters<Webhooks["send"]>[0]): () => Promise<void> {
    this.#ledger.pendingCallbacks += 1;
    return async () => {
      this.#ledger.callbacks.sent += 1;
      this.#events.add("callback.sent", { ...about(call), event });
      const answer = await this.#webhooks.send(request);
      if (answer.retried) this.#ledger.callbacks.retried += 1;
      const delivered = "status" in answer && answer.status >= 200 && answer.status < 300;
      if (!delivered) this.#ledger.callbacks.failed += 1;
      this.#ledger.pendingCallbacks -= 1;
      const outcome = "status" in answer ? { http: answer.status } : { detail: answer.error };
      this.#events.add(delivered ? "callback.delivered" : "callback.failed", { ...about(call), event, ...outcome });
    };
  }

  #later(ms: number, send: () => Promise<void>): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void send();
    }, ms);
    this.#timers.add(timer);
  }
}

async function forgetAfter(callbacks: Promise<void>, call: Call): Promise<void> {
  await callbacks;
  call.live = undefined;
}

function about(call: Call): { sid: string; to: string; from: string; token: string | undefined } {
  return { sid: call.sid, to: call.to, from: call.from, token: call.token };
}
