// PLAN=1 tells what would be done and changes nothing; then it is done, and there is nothing left to tell.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, it } from "node:test";
import { planMigration } from "../../db/migrate/plan.ts";
import { migrateDatabase } from "../../db/migrate.ts";
import { readCatalog } from "../db/catalog.ts";
import { prefixes } from "./oldStates.ts";
import { oldDatabase } from "./support.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

function command(url: string, ...flags: string[]): { status: number | null; out: string } {
  const run = spawnSync(process.execPath, [MAIN, "migrate", ...flags], {
    env: { ...process.env, DATABASE_URL: url },
    encoding: "utf8",
  });
  process.stderr.write(run.stderr);
  return { status: run.status, out: run.stdout + run.stderr };
}

describe("a plan", () => {
  it("names tables, columns, indexes and rows, and changes nothing", async (t) => {
    const state = prefixes().find((s) => s.name === "up to 46b, without keys")!;
    const { url, client } = await oldDatabase(t, state, 5, 300);
    await client.query(
      "update pg_index set indisvalid = false where indexrelid = 'idx_outbound_call_jobs_status'::regclass",
    );
    const tables = async () =>
      (await client.query("select md5(string_agg(j::text, '|' order by id)) from outbound_call_jobs j")).rows;
    const before = [await readCatalog(url), await tables()];
    const { status, out } = command(url, "--plan=1");
    assert.equal(status, 0);
    assert.deepEqual([await readCatalog(url), await tables()], before);
    for (const said of [
      /add to outbound_call_jobs: business_id, /,
      /create tables outbound_call_slots, /,
      /drop and build again the invalid index idx_outbound_call_jobs_status/,
      /build indexes, .*unique_run_lead/,
      /move aside \d+ jobs: their run is gone/,
      /move aside \d+ jobs: their run has the lead twice/,
      /jobs with the state 'DIALLING'/,
      /nothing was changed/,
    ])
      assert.match(out, said);

    // What was announced to move aside is what moves; the lead twice counts those that have gone for another reason before.
    const announced = [...out.matchAll(/move aside (\d+) jobs: the(?!ir run has the lead)/g)].reduce(
      (sum, m) => sum + Number(m[1]),
      0,
    );
    await migrateDatabase(url);
    const { rows } = await client.query<{ n: number }>(
      "select count(*)::int as n from outbound_call_jobs_removed where reason <> 'duplicate'",
    );
    assert.equal(rows[0]?.n, announced);
    assert.deepEqual(await planMigration(url), []);
  });

  it("is followed by the cut-over, in figures, from the command line", async (t) => {
    const { url } = await oldDatabase(t, prefixes().at(-1)!, 6, 200);
    assert.equal(command(url).status, 0);
    assert.match(command(url, "--plan=1", "--cutover=1").out, /the cut-over would hand over: .*running \d+/);
    const done = command(url, "--cutover=force");
    assert.equal(done.status, 0, done.out);
    assert.match(done.out, /runs handed over, by what they are now: .*failed \d+/);
    assert.match(command(url, "--plan=1", "--cutover=1").out, /would hand over: none/);
    assert.equal(command(url, "--cutover=yes").status, 2);
  });
});
