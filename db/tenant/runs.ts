// The business's runs, as the API shows them: one, a page, the active one, the audit trail, and the live calls.
import { and, asc, count, desc, eq, getTableColumns, gt, inArray, lt, sql } from "drizzle-orm";
import { through, type Door } from "../door.ts";
import { runEvents, runs, slots } from "../schema.ts";
import type { Guard } from "./guard.ts";
import { pageOf, type Mark, type Page } from "./page.ts";

export type RunRow = typeof runs.$inferSelect;
export type AuditRow = typeof runEvents.$inferSelect;

/** Longer than a transaction that writes events may idle (5 s). */
const SETTLED_SECONDS = 6;
const settled = sql<boolean>`${runEvents.at} < clock_timestamp() - make_interval(secs => ${SETTLED_SECONDS})`;

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

    /**
     * Who did what when, oldest first. The caller has looked the run up before. Ids are given before the commit: a page
     * that is not the last ends at its last event behind which nothing can come any more, and where it has none, nothing
     * follows it yet.
     */
    async audit(runId: number, size: number, after: Mark): Promise<Page<AuditRow>> {
      const found = await through(door, (tx, businessId) =>
        tx
          .select({ ...getTableColumns(runEvents), settled })
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
      const own = guard.own(found, "run event");
      const page = pageOf(own, size);
      const unsettled = page.items.findIndex((event) => !event.settled);
      if (page.next === null || unsettled === -1) return page;
      if (unsettled === 0) return { items: page.items, next: null };
      return pageOf(own, unsettled);
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
