// The tight loop around bareSql.ts, in a process of its own: options as JSON on standard input, one JSON line on standard
// output. 16 connections, each with businesses of its own, all of whose slots it keeps full: no connection waits
// for another's lock, which is the best that these statements can do.
import { randomBytes, randomUUID } from "node:crypto";
import { pathToFileURL } from "node:url";
import pg from "pg";
import { claim, end, recordSid, type BareCall } from "./bareSql.ts";

export interface BareOptions {
  url: string;
  businesses: { id: number; from: string; runId: number }[];
  slots: number;
  connections: number;
  /** No call is claimed after so long; those in progress are ended. */
  forMs: number;
}

export interface BareResult {
  calls: number;
  /** Epoch milliseconds. */
  startMs: number;
  endMs: number;
}

export async function bareLoop({ url, businesses, slots, connections, forMs }: BareOptions): Promise<BareResult> {
  const clients = await Promise.all(
    Array.from({ length: connections }, async () => {
      const client = new pg.Client({
        connectionString: url,
        application_name: "bench bare",
        options: "-c TimeZone=UTC",
      });
      await client.connect();
      return client;
    }),
  );
  const startMs = Date.now();
  const inTime = () => Date.now() - startMs < forMs;
  const made = await Promise.all(
    clients.map((client, n) => {
      const own = businesses.filter((_, at) => at % connections === n);
      return keepFull(client, own, slots, inTime);
    }),
  );
  const endMs = Date.now();
  await Promise.all(clients.map((client) => client.end()));
  return { calls: made.reduce((sum, n) => sum + n, 0), startMs, endMs };
}

/** Goes round the slots: ends the call that was in it, claims the next, records its SID. @returns how many calls */
async function keepFull(
  client: pg.Client,
  businesses: BareOptions["businesses"],
  slots: number,
  inTime: () => boolean,
): Promise<number> {
  const workerId = randomUUID();
  let going = businesses.flatMap((business) =>
    Array.from({ length: slots }, (_, n) => ({ business, slotNo: n + 1, call: undefined as BareCall | undefined })),
  );
  let calls = 0;
  while (going.length > 0) {
    for (const slot of going) {
      if (slot.call) await end(client, slot.call);
      slot.call = undefined;
      if (!inTime()) continue;
      const { id: businessId, from, runId } = slot.business;
      const sid = `CA${randomBytes(16).toString("hex")}`;
      const call = { businessId, runId, from, slotNo: slot.slotNo, token: randomUUID(), sid };
      const jobId = await claim(client, call, workerId);
      if (jobId === undefined) continue;
      slot.call = { ...call, jobId };
      await recordSid(client, slot.call);
      calls += 1;
    }
    going = going.filter((slot) => slot.call);
  }
  return calls;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  let input = "";
  for await (const chunk of process.stdin) input += String(chunk);
  process.stdout.write(`${JSON.stringify(await bareLoop(JSON.parse(input) as BareOptions))}\n`);
}
