// Businesses with their leads, and the people who start a run over REST as the CRM does.
import { sql } from "drizzle-orm";
import { rows, type Database } from "../../../db/client.ts";
import { signToken } from "../../../src/api/token.ts";
import type { Business } from "../../support/world/factories.ts";

export const SECRET = "a secret for the benchmark, long enough for HS256";

/** @returns businesses with so many slots each, and a caller id of their own */
export async function insertBusinesses(db: Database, count: number, limit: number): Promise<Business[]> {
  const made = await rows<{ id: number; from: string }>(
    db,
    sql`with made as (
          insert into business (name, phone_number)
          select 'business ' || n, '+9723' || (6000000 + n) from generate_series(1, ${count}::int) n
          returning id, phone_number
        ), settings as (
          insert into outbound_business_settings (business_id, max_calls) select id, ${limit} from made
        )
        select id, phone_number as "from" from made order by id`,
  );
  return made.map((business) => ({ ...business, highestLimit: limit }));
}

/** So many leads for each business, no number twice. @returns their ids by business */
export async function insertLeads(
  db: Database,
  businesses: readonly Pick<Business, "id">[],
  each: number,
): Promise<Map<number, number[]>> {
  const made = await rows<{ businessId: number; ids: number[] }>(
    db,
    sql`with made as (
          insert into leads (tenant_id, name, phone_e164)
          select b.id, 'Lead ' || n, '+97252' || (2000000 + (b.place - 1) * ${each}::int + n)
            from unnest(${sql.param(businesses.map((b) => b.id))}::int[]) with ordinality b (id, place)
           cross join generate_series(1, ${each}::int) n
          returning id, tenant_id
        )
        select tenant_id as "businessId", array_agg(id order by id) as ids from made group by tenant_id`,
  );
  return new Map(made.map((one) => [one.businessId, one.ids]));
}

export interface Started {
  runId: number;
  queued: number;
}

/** `POST /api/outbound/bulk-enqueue` as the business's owner. Throws for any answer but 201. */
export async function enqueue(
  apiUrl: string,
  businessId: number,
  leadIds: readonly number[],
  concurrency = 3,
): Promise<Started> {
  const response = await fetch(`${apiUrl}/api/outbound/bulk-enqueue`, {
    method: "POST",
    headers: { Authorization: `Bearer ${await ownerToken(businessId)}`, "Content-Type": "application/json" },
    body: JSON.stringify({ lead_ids: leadIds, concurrency }),
  });
  if (response.status !== 201) throw new Error(`enqueue answered ${response.status}: ${await response.text()}`);
  const answer = (await response.json()) as { run_id: number; queued: number };
  return { runId: answer.run_id, queued: answer.queued };
}

export const ownerToken = (businessId: number): Promise<string> =>
  signToken({ secret: SECRET, sub: "1", role: "owner", businessId });
