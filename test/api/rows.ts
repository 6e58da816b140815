// Rows to test with: each function inserts one, with what the test says and plausible values for the rest.
import type { Database } from "../../db/client.ts";
import { business, jobs, leads, outboundLeadLists, runEvents, runs } from "../../db/schema.ts";

const first = <T>(rows: T[]): T => {
  const [row] = rows;
  if (row === undefined) throw new Error("the insert returned nothing");
  return row;
};

export async function aBusiness(db: Database, values: Partial<typeof business.$inferInsert> = {}) {
  return first(
    await db
      .insert(business)
      .values({ name: "Shop", ...values })
      .returning(),
  );
}

export async function aLead(db: Database, tenantId: number, values: Partial<typeof leads.$inferInsert> = {}) {
  return first(
    await db
      .insert(leads)
      .values({ tenantId, name: "Dana", phoneE164: "+972501234567", ...values })
      .returning(),
  );
}

export async function aList(db: Database, tenantId: number, name = "List") {
  return first(await db.insert(outboundLeadLists).values({ tenantId, name }).returning());
}

/** Pending with one queued lead unless `values` says otherwise. */
export async function aRun(db: Database, businessId: number, values: Partial<typeof runs.$inferInsert> = {}) {
  return first(
    await db
      .insert(runs)
      .values({ businessId, engine: "ringpost", totalLeads: 1, queuedCount: 1, ...values })
      .returning(),
  );
}

export async function aJob(
  db: Database,
  run: { id: number; businessId: number },
  values: Partial<typeof jobs.$inferInsert> = {},
) {
  const leadId = values.leadId ?? (await aLead(db, run.businessId)).id;
  return first(
    await db
      .insert(jobs)
      .values({
        runId: run.id,
        businessId: run.businessId,
        leadName: "Dana",
        toNumber: "+972501234567",
        ...values,
        leadId,
      })
      .returning(),
  );
}

export async function anEvent(db: Database, run: { id: number; businessId: number }, kind: string, at?: Date) {
  return first(
    await db
      .insert(runEvents)
      .values({ runId: run.id, businessId: run.businessId, kind, actor: "user:7", at })
      .returning(),
  );
}
