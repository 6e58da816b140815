// Closing in the right order: node:test runs `after` hooks first come, first served, but what was opened last has to
// close first (workers before the carrier they call, the pool before its database).
import type { Scope } from "./postgres.ts";

/** A scope whose hooks run in reverse, all of them, whatever fails; the first failure fails the test. */
export function lastFirst(t: Scope): Scope {
  const hooks: (() => unknown)[] = [];
  t.after(async () => {
    const failures: unknown[] = [];
    for (const close of hooks.toReversed()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  });
  return { after: (hook) => void hooks.push(hook) };
}
