// Graphile's tasks, by the identifiers that wake.ts adds jobs under.
import type { TaskList } from "graphile-worker";
import type { Engine } from "../src/runs/engine.ts";
import { dispatchCalls } from "./dispatch_calls.ts";
import { endCalls } from "./end_calls.ts";
import { hangUp } from "./hang_up.ts";

/** The task list bound to one process's engine: what a task needs comes from here, never from a global. */
export function taskList(engine: Engine): TaskList {
  return { dispatch_calls: dispatchCalls(engine), end_calls: endCalls(engine), hang_up: hangUp(engine) };
}
