// Reconcile: finds out from the carrier what nobody has told us. Attempts whose POST has no known outcome are looked up,
// never posted again on a guess; live calls without news are fetched.
import type { Engine } from "./engine.ts";
import { fetchSilentCalls, type Fetched } from "./silentCalls.ts";
import { lookUpUnsettled, type LookedUp } from "./unsettled.ts";

export interface Reconciled extends LookedUp, Fetched {}

/** One pass; bounded in what it asks of the carrier. Safe in several workers at once: each takes rows of its own. */
export async function reconcile(engine: Pick<Engine, "db" | "log" | "dialler" | "limits">): Promise<Reconciled> {
  const lookedUp = await lookUpUnsettled(engine);
  const fetched = await fetchSilentCalls(engine);
  return { ...lookedUp, ...fetched };
}
