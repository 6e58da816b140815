// end_calls {runId, hangUp}: after a stop, ends the run's calls at the carrier: those still queued there, or all.
import type { Task } from "graphile-worker";
import * as v from "valibot";
import { endCallsOf } from "../src/runs/endCalls.ts";
import type { Engine } from "../src/runs/engine.ts";

const Payload = v.object({ runId: v.pipe(v.number(), v.integer()), hangUp: v.boolean() });

export const endCalls =
  (engine: Engine): Task =>
  async (payload) => {
    const { runId, hangUp } = v.parse(Payload, payload);
    await endCallsOf(engine, runId, hangUp);
  };
