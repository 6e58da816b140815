// Forcing an interleaving: a lock that the test holds brings others to a halt exactly where it matters.
import type { Tx } from "../../../db/client.ts";
import { inTransaction } from "../../../db/transaction.ts";
import type { World } from "../world.ts";

/**
 * Takes what `lock` says, starts the `steps` one after the other, each once the one before is blocked, and lets go when
 * all are. They go on in the order in which they came to wait.
 */
export async function againstLock<T extends readonly (() => Promise<unknown>)[]>(
  w: World,
  lock: (tx: Tx) => Promise<unknown>,
  ...steps: T
): Promise<{ [N in keyof T]: PromiseSettledResult<Awaited<ReturnType<T[N]>>> }> {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: locked, resolve: isLocked } = Promise.withResolvers<void>();
  const holding = inTransaction(w.db, async (tx) => {
    await lock(tx);
    isLocked();
    await released;
  });
  await locked;
  const going: Promise<unknown>[] = [];
  try {
    for (const step of steps) {
      const running = step();
      // Settled below; until then a failure must not count as unhandled.
      running.catch(() => {});
      going.push(running);
      await w.untilBlocked(going.length);
    }
  } finally {
    release();
  }
  await holding;
  return (await Promise.allSettled(going)) as { [N in keyof T]: PromiseSettledResult<Awaited<ReturnType<T[N]>>> };
}

/** The value, or the failure as this process's own. */
export function valueOf<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === "rejected") throw settled.reason;
  return settled.value;
}
