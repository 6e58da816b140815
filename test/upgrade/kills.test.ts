// A migration that is killed anywhere, or run by many at once, ends where an undisturbed one does.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, it } from "node:test";
import { migrateDatabase } from "../../db/migrate.ts";
import { readCatalog } from "../db/catalog.ts";
import { freshDatabase } from "../support/postgres.ts";
import { seeded } from "../support/random.ts";
import { FULL, sized } from "../support/sizes.ts";
import { prefixes } from "./oldStates.ts";
import { assertRowsFit, buildOld, connect, emptyResult, oldDatabase, ours, type OldDatabase } from "./support.ts";

const SEED = 7;
const CHILD = fileURLToPath(new URL("kill-child.ts", import.meta.url));
const state = prefixes().find((s) => s.name === "up to 46c, without keys")!;
const random = seeded(SEED);

/** Clones of one old database: building it anew each time would cost more than the test. */
async function clone(t: Parameters<typeof freshDatabase>[0]): Promise<OldDatabase> {
  const prepare = async (url: string) => {
    const client = await connect(url);
    await buildOld(client, state, SEED);
    await client.end();
  };
  const { url } = await freshDatabase(t, { template: { name: "old", key: `${state.name} ${SEED} 1`, prepare } });
  const client = await connect(url);
  t.after(() => client.end());
  const { rows } = await client.query<{ runs: number; jobs: number }>(
    "select (select count(*)::int from outbound_call_runs) as runs, (select count(*)::int from outbound_call_jobs) as jobs",
  );
  return { url, client, before: rows[0]! };
}

async function assertUpgraded({ url, client, before }: OldDatabase): Promise<void> {
  assert.deepEqual(ours(await readCatalog(url)), await emptyResult());
  await assertRowsFit(client, before);
}

class Killed extends Error {}

describe("a migration", () => {
  it("that loses its connection after any statement is finished by the next", async (t) => {
    const whole = await clone(t);
    let statements = 0;
    await migrateDatabase(whole.url, { after: () => void statements++ });
    const stride = FULL ? 1 : 24;
    const offset = FULL ? 1 : 1 + random.below(stride);
    for (let last = offset; last <= statements; last += stride) {
      const old = await clone(t);
      let left = last;
      const die = () => {
        if (--left === 0) throw new Killed();
      };
      await assert.rejects(migrateDatabase(old.url, { after: die }), Killed, `after ${last}`);
      await migrateDatabase(old.url);
      await assertUpgraded(old);
    }
    console.log(
      `killed after every ${stride === 1 ? "" : `${stride}th `}of ${statements} statements, from ${offset} on`,
    );
  });

  it("whose process is killed is finished by the next, also when that one is killed too", async (t) => {
    for (let n = 0; n < sized(2, 40); n++) {
      const old = await clone(t);
      for (const last of [1 + random.below(40), 1 + random.below(60)]) {
        const child = spawn(process.execPath, [CHILD, old.url, String(last)], {
          stdio: ["ignore", "ignore", "inherit"],
        });
        const [, signal] = (await once(child, "exit")) as [number | null, string | null];
        assert.equal(signal, "SIGKILL");
      }
      await migrateDatabase(old.url);
      await assertUpgraded(old);
    }
  });

  it("is done once by three at the same time, again and again", async (t) => {
    for (let n = 0; n < sized(4, 30); n++) {
      const old = await clone(t);
      const all = await Promise.all([1, 2, 3].map(() => migrateDatabase(old.url)));
      assert.equal(all.filter((m) => m.applied.length > 0).length, 1);
      await assertUpgraded(old);
    }
  });

  it("builds again what an interrupted build left invalid", async (t) => {
    const old = await clone(t);
    const names = ["unique_run_lead", "idx_outbound_call_jobs_status", "idx_outbound_call_runs_open"];
    await old.client.query(`create index if not exists unique_run_lead on outbound_call_jobs (run_id, lead_id)`);
    await old.client.query(`create index if not exists idx_outbound_call_runs_open on outbound_call_runs (status)`);
    await old.client.query(`update pg_index set indisvalid = false where indexrelid::regclass::text = any ($1)`, [
      names,
    ]);
    await migrateDatabase(old.url);
    await assertUpgraded(old);
  });

  it("cleans once more when the old application breaks a rule while it runs", async (t) => {
    const old = await oldDatabase(t, state, SEED);
    const writer = await connect(old.url);
    t.after(() => writer.end());
    let seen = "";
    let breaks = 0;
    const damage = async () => {
      // Once in the file of the rules, before its unique index: a lead twice in a run, and a run without a business.
      if (!seen.includes("0021_rules") || breaks > 0) return;
      breaks++;
      await writer.query(
        "insert into outbound_call_jobs (run_id, lead_id) select run_id, lead_id from outbound_call_jobs order by id limit 1",
      );
      await writer.query("insert into outbound_call_runs (business_id) values (null)");
    };
    await migrateDatabase(old.url, { report: (line) => (seen += line), after: damage });
    assert.equal(breaks, 1);
    assert.match(seen, /cleaning once more/);
    await assertUpgraded({ ...old, before: { runs: old.before.runs + 1, jobs: old.before.jobs + 1 } });
  });
});
