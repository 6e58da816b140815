// An engine without a worker around it: for tests that call one verb of the queue by hand.
import { randomUUID } from "node:crypto";
import type { Database } from "../../../db/client.ts";
import type { Logger } from "../../../src/log.ts";
import type { Engine } from "../../../src/runs/engine.ts";
import { diallerOf, type WorkerSetup } from "./workers.ts";

/** Its launches and later dispatches go nowhere unless `overrides` take them. */
export function testEngine(db: Database, setup: WorkerSetup, log: Logger, overrides: Partial<Engine> = {}): Engine {
  const id = randomUUID();
  return {
    db,
    log,
    dialler: diallerOf(setup),
    limits: setup.limits,
    worker: { id, name: `test:${id.slice(0, 6)}`, host: "test", pid: process.pid },
    publicUrl: setup.publicUrl,
    voiceUrl: undefined,
    callerId: undefined,
    launch: () => {},
    dispatchInTurn: () => {},
    tookTurn: () => {},
    draining: new AbortController().signal,
    reached: async () => {},
    healthyForMs: () => Infinity,
    isLocal: () => false,
    ...overrides,
  };
}
