// hang_up {sid}: ends one call that no job wants.
import type { Task } from "graphile-worker";
import * as v from "valibot";
import type { Engine } from "../src/runs/engine.ts";

const Payload = v.object({ sid: v.string() });

export const hangUp =
  (engine: Engine): Task =>
  async (payload) => {
    await engine.dialler.end(v.parse(Payload, payload).sid, "completed");
  };
