// A run as a watcher reads it: its row, and how far its audit trail has come.
import { and, eq, sql } from "drizzle-orm";
import { through, type Door } from "../door.ts";
import { runEvents, runs } from "../schema.ts";
import type { Guard } from "./guard.ts";

export function watchQueries(door: Door, guard: Guard) {
  return {
    /** Undefined when the run is gone. `newestEvent` only grows. */
    async watchRun(runId: number) {
      // Ordered by the run as well, of which there is one: for the newest id alone the planner may go back through
      // everybody's events until one of this run comes.
      const newest = sql<number>`coalesce((select e.id from ${runEvents} e
                                            where e.run_id between ${runId} and ${runId}
                                            order by e.run_id desc, e.id desc limit 1), 0)`.mapWith(Number);
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
