// Two demo businesses with leads to call, made once. Their numbers ring nowhere but in the stand-in.
import { sql } from "drizzle-orm";
import { openDatabase, row, type Database, type Tx } from "../../db/client.ts";
import { inTransaction } from "../../db/transaction.ts";
import { lockEnqueue } from "../../db/locks.ts";

export interface DemoBusiness {
  id: number;
  name: string;
  ownerId: number;
  listId: number;
}

const DEMO = [
  { name: "Demo: Levi Insurance", phone: "+97236001001", list: "Autumn campaign", leads: 40 },
  { name: "Demo: Cohen Real Estate", phone: "+97236001002", list: "Open house", leads: 24 },
];

export async function demoBusinesses(databaseUrl: string): Promise<DemoBusiness[]> {
  const db = openDatabase({ url: databaseUrl, name: "ringpost demo", max: 1 });
  try {
    return await inTransaction(db, async (tx) => {
      // Two that start at once make one set.
      await lockEnqueue(tx, 0);
      const made: DemoBusiness[] = [];
      for (const [n, demo] of DEMO.entries()) made.push((await existing(tx, demo.name)) ?? (await make(tx, n, demo)));
      return made;
    });
  } finally {
    await db.$client.end();
  }
}

/** Is anybody there besides the demo businesses? Asked before the migrations, so the table may be missing. */
export async function hasOtherBusinesses(db: Database): Promise<boolean> {
  const { rows } = await db.$client.query<{ there: boolean }>(`select to_regclass('business') is not null as there`);
  if (!rows[0]?.there) return false;
  const demo = DEMO.map(({ name }) => name);
  const others = await db.$client.query(`select from business where coalesce(name, '') <> all($1) limit 1`, [demo]);
  return others.rowCount !== 0;
}

async function existing(tx: Tx, name: string): Promise<DemoBusiness | undefined> {
  return await row<DemoBusiness>(
    tx,
    sql`select b.id, b.name, u.id as "ownerId", l.id as "listId"
          from business b
          join users u on u.business_id = b.id
          join outbound_lead_lists l on l.tenant_id = b.id
         where b.name = ${name}
         order by u.id, l.id limit 1`,
  );
}

async function make(tx: Tx, n: number, demo: (typeof DEMO)[number]): Promise<DemoBusiness> {
  const made = await row<DemoBusiness>(
    tx,
    sql`
    with b as (
      insert into business (name, phone_number) values (${demo.name}, ${demo.phone}) returning id, name
    ), u as (
      insert into users (business_id, name, email, role) select id, 'Demo owner', 'owner@demo.invalid', 'owner' from b returning id
    ), l as (
      insert into outbound_lead_lists (tenant_id, name, total_leads) select id, ${demo.list}, ${demo.leads} from b returning id
    ), leads as (
      insert into leads (tenant_id, outbound_list_id, source, name, phone_e164)
      select b.id, l.id, 'imported_outbound', 'Demo lead ' || g, '+97252' || (${(n + 7) * 1_000_000}::int + g)
        from b, l, generate_series(1, ${demo.leads}::int) g
    )
    select b.id, b.name, u.id as "ownerId", l.id as "listId" from b, u, l`,
  );
  if (!made) throw new Error("insert returned nothing");
  return made;
}
