// The business itself, what it chose for its calls, and what a call of one of its runs says.
import { eq, sql } from "drizzle-orm";
import { row, type Tx } from "../client.ts";
import { through, type Door } from "../door.ts";
import { lockCallerId } from "../locks.ts";
import { business, outboundSettings } from "../schema.ts";
import { statement } from "../statement.ts";
import type { Guard } from "./guard.ts";

export type Settings = Omit<typeof outboundSettings.$inferSelect, "businessId">;
/** Fields left out stay as they are; null goes back to the environment's default. */
export type SettingsChange = Partial<Omit<Settings, "updatedAt">>;
export type Spoken = Partial<Record<"he" | "en", string>>;

interface RunWords {
  businessId: number;
  message: Spoken | null;
  he: string | null;
  en: string | null;
  locale: string | null;
}

const wordsOfRun = statement<{ businessId: number; runId: number }, RunWords>(
  "words_of_run",
  (v) => sql`
    select r.business_id as "businessId", r.message, s.message_he as he, s.message_en as en, s.locale
      from outbound_call_runs r
      left join outbound_business_settings s on s.business_id = r.business_id
     where r.business_id = ${v.businessId} and r.id = ${v.runId}`,
);

/** Whether it is another business's number, or the caller id that one chose. */
async function isTaken(tx: Tx, callerId: string): Promise<boolean> {
  await lockCallerId(tx, callerId);
  const found = await row<{ taken: boolean }>(tx, sql`select ringpost.caller_id_taken(${callerId}) as taken`);
  return found?.taken ?? false;
}

export function settingsQueries(door: Door, guard: Guard) {
  return {
    /** Undefined when a token names a business that does not exist. */
    async business() {
      const [found] = await through(door, (tx, businessId) =>
        tx
          .select({
            businessId: business.id,
            name: business.name,
            active: business.isActive,
            callsEnabled: business.callsEnabled,
          })
          .from(business)
          .where(eq(business.id, businessId)),
      );
      return guard.one(found, "business", door.businessId);
    },

    /** Undefined: it never chose anything. */
    async settings(): Promise<Settings | undefined> {
      const found = await through(door, (tx, businessId) =>
        tx.select().from(outboundSettings).where(eq(outboundSettings.businessId, businessId)),
      );
      return guard.own(found, "settings")[0];
    },

    /**
     * Creates or changes the row. The business must exist.
     * @param shared the caller id may be another business's too
     */
    async changeSettings(change: SettingsChange, shared: boolean): Promise<Settings | "caller_id_taken"> {
      const [changed] = await through(door, async (tx, businessId) => {
        if (change.callerId && !shared && (await isTaken(tx, change.callerId))) return ["caller_id_taken" as const];
        const values = { ...change, updatedAt: sql`now()` };
        return await tx
          .insert(outboundSettings)
          .values({ ...values, businessId })
          .onConflictDoUpdate({ target: outboundSettings.businessId, set: values })
          .returning();
      });
      if (!changed) throw new Error("an upsert returned no row");
      return changed;
    },

    /** What a call of the run may say: the run's own words, and the business's with its language. */
    async wordsOf(runId: number): Promise<{ run: Spoken; business: Spoken; locale: string | null } | undefined> {
      const [found] = await through(door, (tx, businessId) => wordsOfRun(tx, { businessId, runId }));
      const own = guard.one(found, "run", runId);
      if (!own) return undefined;
      const { he, en } = own;
      return { run: own.message ?? {}, business: { ...(he && { he }), ...(en && { en }) }, locale: own.locale };
    },
  };
}
