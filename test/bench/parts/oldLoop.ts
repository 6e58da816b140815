// The design that this queue replaces, as a loop per run: at the run's capacity it sleeps 2 s, and 0.5 s after each dial.
// (The 1 s without a free slot of the business never comes here: with one run each, capacity is asked first.) Jobs and
// slots are kept in memory, which flatters it: it had them in Postgres and Redis.
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { text } from "node:stream/consumers";
import type { StandInOptions } from "../../../src/dev/twilio/options.ts";
import { spawnStandIn } from "../../../src/dev/twilio/spawn.ts";
import type { StandIn } from "../../../src/dev/twilio/standIn.ts";
import type { Bench } from "../row.ts";

const AT_CAPACITY_MS = 2_000;
const AFTER_DIAL_MS = 500;

export interface OldLoad {
  runs: number;
  slots: number;
  forMs: number;
  carrier: StandInOptions;
}

/** Runs the loops, each with leads enough, then waits for the calls to end. @returns the carrier, to be asked what it saw */
export async function runOldLoops(bench: Bench, { runs, slots, forMs, carrier }: OldLoad): Promise<StandIn> {
  const standIn = await spawnStandIn({ seed: bench.seed, ...carrier });
  bench.scope.after(() => standIn.close());
  const live = new Map<string, number>();
  const server = createServer((request, response) => {
    void ended(request).then((from) => {
      if (from !== undefined) live.set(from, (live.get(from) ?? 0) - 1);
      response.writeHead(204).end();
    });
  });
  bench.scope.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const callbackUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/status`;
  const end = performance.now() + forMs;
  const loopOf = async (run: number) => {
    const from = `+9723${6_000_000 + run}`;
    for (let n = 0; performance.now() < end; n++) {
      const busy = live.get(from) ?? 0;
      if (busy >= slots) await sleep(AT_CAPACITY_MS);
      else {
        live.set(from, busy + 1);
        await dial(standIn, from, `+97252${2_000_000 + run * 10_000 + n}`, callbackUrl);
        await sleep(AFTER_DIAL_MS);
      }
    }
  };
  await Promise.all(Array.from({ length: runs }, (_, run) => loopOf(run)));
  await standIn.waitFor((r) => r.liveNow === 0 && r.callbacks.pending === 0, 30_000);
  return standIn;
}

/** The caller id of the call that this callback says is over. */
async function ended(request: IncomingMessage): Promise<string | undefined> {
  const form = new URLSearchParams(await text(request));
  return form.get("CallStatus") === "completed" ? (form.get("From") ?? undefined) : undefined;
}

async function dial(standIn: StandIn, from: string, to: string, callbackUrl: string): Promise<void> {
  const { url, accountSid, authToken } = standIn;
  const response = await fetch(`${url}/2010-04-01/Accounts/${accountSid}/Calls.json`, {
    method: "POST",
    headers: { Authorization: `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString("base64")}` },
    body: new URLSearchParams([
      ["From", from],
      ["To", to],
      ["Twiml", "<Response/>"],
      ["StatusCallback", callbackUrl],
      ["StatusCallbackEvent", "completed"],
    ]),
  });
  if (response.status !== 201) throw new Error(`the carrier answered ${response.status}: ${await response.text()}`);
}
