// The stand-in without its HTTP: the calls, their lives, the faults, and the observer's count, wired together.

import { Callbacks } from "./callbacks.ts";
import { Calls } from "./calls.ts";
import { EventLog } from "./events.ts";
import { Faults } from "./faults.ts";
import { Holds } from "./holds.ts";
import { Ledger } from "./ledger.ts";
import { Lifecycle } from "./lifecycle.ts";
import { DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN, type StandInOptions } from "./options.ts";
import { Scripts } from "./scripts.ts";
import { Turns } from "./turns.ts";
import { Webhooks } from "./webhook.ts";

export class Core {
  readonly accountSid: string;
  readonly authToken: string;
  readonly callerIds: ReadonlySet<string>;
  readonly calls = new Calls();
  readonly events = new EventLog();
  readonly holds = new Holds();
  readonly ledger = new Ledger();
  readonly faults: Faults;
  readonly scripts: Scripts;
  readonly lifecycle: Lifecycle;
  /** Aborted when the stand-in closes: what still waits gives up. */
  readonly closing = new AbortController();
  readonly #callbacks: Callbacks;
  readonly #turns: Turns;
  readonly #webhooks: Webhooks;

  constructor(options: StandInOptions) {
    this.accountSid = options.accountSid ?? DEFAULT_ACCOUNT_SID;
    this.authToken = options.authToken ?? DEFAULT_AUTH_TOKEN;
    this.callerIds = new Set(options.callerIds);
    const seed = options.seed ?? 1;
    this.faults = new Faults(seed, options.faults ?? []);
    this.scripts = new Scripts(options.preset ?? "realistic", seed, options.scripts ?? []);
    this.#webhooks = new Webhooks(this.authToken);
    this.#turns = new Turns(options.cps);
    const { accountSid, calls, scripts, faults, ledger, events } = this;
    const [webhooks, turns] = [this.#webhooks, this.#turns];
    this.#callbacks = new Callbacks(accountSid, { webhooks, faults, ledger, events });
    const callbacks = this.#callbacks;
    const listLagMs = options.listLagMs ?? 0;
    const parts = { accountSid, listLagMs, calls, scripts, faults, turns, callbacks, webhooks, ledger, events };
    this.lifecycle = new Lifecycle(parts);
  }

  /** The live calls are not ended and report nothing more: as if the carrier had vanished. */
  close(): void {
    this.closing.abort();
    this.#turns.close();
    this.lifecycle.close();
    this.#callbacks.close();
    this.#webhooks.close();
  }
}
