// A run as a watcher reads it: its row, and how far its audit trail has come.
import { and, eq, sql } from "drizzle-orm";
import { through, type Door } from "../door.ts";
import { runEvents, runs } from "../schema.ts";
import type { Guard } from "./guard.ts";

export function watchQueries(door: Door, guard: Guard) {
  return {
    /** Undefined when the run is gone. `newestEvent` only grows. */
    async watchRun(runId: number) {
      const newest = sql<number>`coalesce((select max(${runEvents.id}) from ${runEvents}
                                            where ${runEvents.runId} = ${runs.id}), 0)`.mapWith(Number);
      const [found] = await through(door, (tx, businessId) =>
        tx
          .select({ businessId: runs.businessId, run: runs, newestEvent: newest })
          .from(runs)
          .where(and(eq(runs.businessId, businessId), eq(runs.id, runId))),
      );
      return guard.one(found, "run", runId);
    },
  };
}
