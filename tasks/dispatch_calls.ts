// dispatch_calls {businessId}: fills the business's free slots and sets the claimed calls on their way. The dials go on
// beside Graphile, so that a slow carrier occupies no worker.
import type { Task } from "graphile-worker";
import * as v from "valibot";
import { dispatch } from "../src/runs/dispatch.ts";
import type { Engine } from "../src/runs/engine.ts";

const Payload = v.object({ businessId: v.pipe(v.number(), v.integer()) });

export const dispatchCalls =
  (engine: Engine): Task =>
  async (payload) => {
    await dispatch(engine, v.parse(Payload, payload).businessId);
  };
