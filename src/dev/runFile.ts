// How `make call` finds a `make run` in the same folder: a small file, and the proof that what it names is alive.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { Config } from "../config.ts";

/** Who takes the calls: the built-in stand-in, an endpoint of one's own that speaks Twilio's API, or Twilio. */
const CARRIERS = ["standin", "own", "real"] as const;
export type CarrierKind = (typeof CARRIERS)[number];

const Running = v.object({
  pid: v.number(),
  apiUrl: v.string(),
  // Whoever joins must know whether phones ring, and in whose database.
  carrier: v.picklist(CARRIERS),
  database: v.string(),
  businesses: v.array(v.object({ id: v.number(), name: v.string(), ownerId: v.number(), listId: v.number() })),
});
export type Running = v.InferOutput<typeof Running>;

const ANSWER_WITHIN_MS = 2_000;

export const carrierOf = ({ twilio }: Config): CarrierKind => (!twilio ? "standin" : twilio.real ? "real" : "own");

const path = (dataDir: string) => join(dataDir, "run.json");

export function announce(dataDir: string, running: Running): void {
  mkdirSync(dataDir, { recursive: true });
  // Written aside and renamed: nobody reads half a file.
  writeFileSync(`${path(dataDir)}.new`, JSON.stringify(running), { mode: 0o600 });
  renameSync(`${path(dataDir)}.new`, path(dataDir));
}

export function withdraw(dataDir: string): void {
  rmSync(path(dataDir), { force: true });
}

/** The `make run` of this folder, if it is alive and answers; the file of a killed one is not believed. */
export async function findRunning(dataDir: string): Promise<Running | undefined> {
  try {
    const running = v.parse(Running, JSON.parse(readFileSync(path(dataDir), "utf8")));
    process.kill(running.pid, 0);
    const answer = await fetch(`${running.apiUrl}/livez`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    return answer.ok ? running : undefined;
  } catch {
    return undefined;
  }
}
