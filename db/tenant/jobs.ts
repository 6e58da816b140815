// The jobs of one of the business's runs.
import { and, asc, eq, gt } from "drizzle-orm";
import { through, type Door } from "../door.ts";
import { jobs } from "../schema.ts";
import type { Guard } from "./guard.ts";
import { pageOf, type Mark, type Page } from "./page.ts";

export type JobRow = typeof jobs.$inferSelect;

export function jobQueries(door: Door, guard: Guard) {
  return {
    /** In the order in which they are called. The caller has looked the run up before. */
    async listJobs(runId: number, status: string | undefined, size: number, after: Mark): Promise<Page<JobRow>> {
      const found = await through(door, (tx, businessId) =>
        tx
          .select()
          .from(jobs)
          .where(
            and(
              eq(jobs.businessId, businessId),
              eq(jobs.runId, runId),
              status === undefined ? undefined : eq(jobs.status, status),
              after === undefined ? undefined : gt(jobs.id, after),
            ),
          )
          .orderBy(asc(jobs.id))
          .limit(size + 1),
      );
      return pageOf(guard.own(found, "job"), size);
    },
  };
}
