// The business's runs, as the API shows them: one, a page, the active one, the audit trail, and the live calls.
import { and, asc, count, desc, eq, gt, inArray, lt } from "drizzle-orm";
import { through, type Door } from "../door.ts";
import { runEvents, runs, slots } from "../schema.ts";
import type { Guard } from "./guard.ts";
import { pageOf, type Mark, type Page } from "./page.ts";

export type RunRow = typeof runs.$inferSelect;
export type AuditRow = typeof runEvents.$inferSelect;

export function runQueries(door: Door, guard: Guard) {
  return {
    async findRun(runId: number): Promise<RunRow | undefined> {
      const [run] = await through(door, (tx, businessId) =>
        tx
          .select()
          .from(runs)
          .where(and(eq(runs.businessId, businessId), eq(runs.id, runId))),
      );
      return guard.one(run, "run", runId);
    },

    /** Newest first. */
    async listRuns(size: number, after: Mark): Promise<Page<RunRow>> {
      const found = await through(door, (tx, businessId) =>
        tx
          .select()
          .from(runs)
          .where(and(eq(runs.businessId, businessId), after === undefined ? undefined : lt(runs.id, after)))
          .orderBy(desc(runs.id))
          .limit(size + 1),
      );
      return pageOf(guard.own(found, "run"), size);
    },

    /** The run that the progress bar shows: of those that may still dial, the newest. */
    async activeRun(): Promise<RunRow | undefined> {
      const found = await through(door, (tx, businessId) =>
        tx
          .select()
          .from(runs)
          .where(and(eq(runs.businessId, businessId), inArray(runs.status, ["pending", "running"])))
          .orderBy(desc(runs.id))
          .limit(1),
      );
      return guard.own(found, "run")[0];
    },

    /** Who did what when, oldest first. The caller has looked the run up before. */
    async audit(runId: number, size: number, after: Mark): Promise<Page<AuditRow>> {
      const found = await through(door, (tx, businessId) =>
        tx
          .select()
          .from(runEvents)
          .where(
            and(
              eq(runEvents.businessId, businessId),
              eq(runEvents.runId, runId),
              after === undefined ? undefined : gt(runEvents.id, after),
            ),
          )
          .orderBy(asc(runEvents.id))
          .limit(size + 1),
      );
      return pageOf(guard.own(found, "run event"), size);
    },

    /** Adds a line to the run's audit trail in the door's name. The caller has looked the run up before. */
    async record(runId: number, kind: string, detail: Record<string, unknown>): Promise<void> {
      await through(door, (tx, businessId) =>
        tx.insert(runEvents).values({ runId, businessId, kind, actor: door.actor, detail }),
      );
    },

    /** Calls that hold a slot at this moment. */
    async liveCalls(): Promise<number> {
      const [found] = await through(door, (tx, businessId) =>
        tx.select({ calls: count() }).from(slots).where(eq(slots.businessId, businessId)),
      );
      return found?.calls ?? 0;
    },
  };
}
