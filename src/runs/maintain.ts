// The maintenance tick: what no event will tell. A wake-up that got lost, so far.
import type { Engine } from "./engine.ts";
import { wakeWaiting } from "./wakeWaiting.ts";

export async function maintain(engine: Engine): Promise<void> {
  await wakeWaiting(engine);
}
