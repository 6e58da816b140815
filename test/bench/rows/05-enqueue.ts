// Row 5: a hundred thousand leads through REST, against the bare INSERT ... SELECT of a run and its jobs; and what memory
// the API took for it.
import assert from "node:assert/strict";
import { sql } from "drizzle-orm";
import type { Database } from "../../../db/client.ts";
import type { Row } from "../row.ts";
import { checkInvariants } from "../parts/invariants.ts";
import { enqueue, insertBusinesses, insertLeads } from "../parts/people.ts";
import { memoryMb } from "../parts/proc.ts";
import { setStage } from "../parts/stage.ts";
import { percentile, rounded } from "../parts/statistics.ts";
import { timed } from "../parts/timed.ts";
import { figure } from "../table.ts";

const LEADS = 100_000;
const PAIRS = 3;
const TARGET = 2;
/** The first request of a process compiles what all others use. */
const WARM_UP = 2_000;

export const row: Row = {
  no: 5,
  name: "enqueue 100,000 leads over REST",
  target: `<= ${TARGET}x the bare INSERT ... SELECT`,
  async run(bench) {
    const stage = await setStage(bench);
    const { db, apiUrl } = stage;
    const api = await stage.start("api");
    const businesses = await insertBusinesses(db, 2 * PAIRS + 1, 3);
    const leads = await insertLeads(db, businesses, LEADS);
    await db.$client.query("vacuum analyze");
    const [first, ...others] = businesses;
    await enqueue(apiUrl, first!.id, leads.get(first!.id)!.slice(0, WARM_UP));
    const before = memoryMb(api.pid).highest;

    const restMs: number[] = [];
    const bareMs: number[] = [];
    for (let n = 0; n < PAIRS; n++) {
      const ids = leads.get(others[n]!.id)!;
      const rest = await timed(() => enqueue(apiUrl, others[n]!.id, ids));
      assert.equal(rest.result.queued, LEADS);
      restMs.push(rest.ms);
      bareMs.push((await timed(() => bareInsert(db, others[PAIRS + n]!.id))).ms);
      bench.say(`REST ${figure(rest.ms)} ms, bare INSERT ${figure(bareMs.at(-1)!)} ms`);
    }
    await checkInvariants(stage, businesses);
    const memory = memoryMb(api.pid).highest;
    const rest = percentile(restMs, 0.5);
    const bare = percentile(bareMs, 0.5);
    const ratio = rest / bare;
    return {
      reached: `${ratio.toFixed(2)}x (${figure(rest)} of ${figure(bare)} ms), ${figure(memory)} MB at most`,
      met: ratio <= TARGET,
      figures: {
        ratio: rounded(ratio),
        rest_p50_ms: rounded(rest),
        bare_insert_p50_ms: rounded(bare),
        api_highest_mb: rounded(memory),
        api_highest_before_mb: rounded(before),
      },
    };
  },
};

/** With the numbers as they stand in the leads, and nobody's rights to look at. */
async function bareInsert(db: Database, businessId: number): Promise<void> {
  await db.execute(sql`
    with run as (
      insert into outbound_call_runs (business_id, engine, status, concurrency, total_leads, queued_count)
      select ${businessId}, 'ringpost', 'pending', 3, count(*), count(*) from leads where tenant_id = ${businessId}
      returning id
    )
    insert into outbound_call_jobs (run_id, lead_id, business_id, status, lead_name, to_number, active_number)
    select run.id, l.id, l.tenant_id, 'queued', l.name, l.phone_e164, l.phone_e164
      from run, leads l where l.tenant_id = ${businessId} order by l.id`);
}
