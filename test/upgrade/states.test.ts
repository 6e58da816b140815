// Every database that the old system may have left behind becomes the same as an empty one would, and no row is lost.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { migrateDatabase } from "../../db/migrate.ts";
import { readCatalog } from "../db/catalog.ts";
import { seeded } from "../support/random.ts";
import { FULL, sized } from "../support/sizes.ts";
import { mixture, prefixes, type OldState } from "./oldStates.ts";
import { assertRowsFit, emptyResult, everything, oldDatabase, ours } from "./support.ts";

const SEED = 20_260_101;
console.log(`seed ${SEED}`);
const random = seeded(SEED);
const mixtures: OldState[] = Array.from({ length: sized(5, 60) }, (_, n) => mixture(random, n + 1));
// Without FULL=1 every third prefix, and the last of each kind.
const chosen = prefixes().filter((_, n) => FULL || n % 3 === 0 || n === 10 || n === 21);

describe("an old database", () => {
  for (const [n, state] of [...chosen, ...mixtures].entries()) {
    it(`${state.name}: same schema, every row accounted for, and nothing to do the next time`, async (t) => {
      const old = await oldDatabase(t, state, SEED + n);
      const { applied } = await migrateDatabase(old.url);
      assert.ok(applied.length > 0);
      assert.deepEqual(ours(await readCatalog(old.url)), await emptyResult());
      await assertRowsFit(old.client, old.before);

      const rows = await everything(old.client);
      assert.deepEqual(await migrateDatabase(old.url), { applied: [] });
      // Also when it is not remembered that the files have run.
      await old.client.query("truncate drizzle.__drizzle_migrations");
      await migrateDatabase(old.url);
      assert.equal(await everything(old.client), rows);
      assert.deepEqual(ours(await readCatalog(old.url)), await emptyResult());
    });
  }

  it("tells what it moved aside and what it corrected", async (t) => {
    const old = await oldDatabase(t, prefixes().at(-1)!, SEED, 400);
    const lines: string[] = [];
    await migrateDatabase(old.url, { report: (line) => lines.push(line) });
    const said = lines.join("\n");
    for (const word of [
      "missing or another business's",
      "business is missing",
      "lead twice",
      "jobs filled in",
      "runs filled in",
    ])
      assert.ok(said.includes(word), `${word} in\n${said}`);
    const { rows } = await old.client.query<{ reasons: string[] }>(
      "select array_agg(distinct reason::text order by reason::text) as reasons from outbound_call_jobs_removed",
    );
    const reasons = [
      "business_gone",
      "duplicate",
      "lead_gone",
      "no_lead_id",
      "no_run_id",
      "other_business",
      "run_gone",
    ];
    assert.deepEqual(rows[0]?.reasons, reasons);
  });
});
