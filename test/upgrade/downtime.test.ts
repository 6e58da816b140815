// The CRM goes on while its database is upgraded: no error, and nobody waits longer than a second.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "node:test";
import { readCatalog } from "../db/catalog.ts";
import { freshDatabase } from "../support/postgres.ts";
import { seeded } from "../support/random.ts";
import { sized } from "../support/sizes.ts";
import { runOldCrm, type Observed } from "./oldCrm.ts";
import { CRM, oldSteps } from "./oldStates.ts";
import { connect, emptyResult, ours } from "./support.ts";

const JOBS = sized(20_000, 1_000_000);
const REQUESTS_PER_SECOND = 200;
/** What nobody may wait longer than. */
const STALL_MS = 1_000;
const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** The old system before 113, with its keys: the most there is to do. A thousand runs, and one lead in fifty twice. */
async function build(url: string): Promise<void> {
  const client = await connect(url);
  const steps = oldSteps(true).filter((step) => step.name !== "113");
  for (const statement of [...CRM, ...steps.flatMap((step) => step.statements)]) await client.query(statement);
  await client.query("insert into business (id, name) values (1, 'One')");
  await client.query(
    "insert into leads (tenant_id, phone_e164) select 1, '05' || (20000000 + n) from generate_series(1, 50000) n",
  );
  await client.query(
    "insert into outbound_call_runs (business_id, status, created_at) select 1, 'completed', now() - n * interval '1 hour' from generate_series(1, 1000) n",
  );
  await client.query(
    `insert into outbound_call_jobs (run_id, lead_id, status, call_sid, created_at)
     select 1 + n % 1000, 1 + (n / 1000) % 50000 - case when (n / 1000) % 50 = 1 and n % 1000 = 0 then 1 else 0 end,
            case n % 3 when 0 then 'completed' when 1 then 'failed' else 'DIALLING' end, 'CA' || n, now()
       from generate_series(0, ${JOBS - 1}) n`,
  );
  await client.query("analyze");
  await client.end();
}

/** `make migrate` as an operator runs it. */
async function migrate(url: string): Promise<{ code: number | null; out: string; ms: number }> {
  const since = performance.now();
  const child = spawn(process.execPath, [MAIN, "migrate"], {
    env: { ...process.env, DATABASE_URL: url },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString().replace(/^(?=.)/gm, `${((performance.now() - since) / 1000).toFixed(1)} s `);
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, out, ms: performance.now() - since };
}

const said = (seen: Observed) =>
  `${seen.errors.length} errors, ${seen.lateMs.length} later than 200 ms, the longest ${Math.round(seen.longestMs)} ms (${seen.longest}, at ${seen.longestAt.toFixed(1)} s), without a table ${Math.round(seen.machineMs)} ms`;

describe("the old CRM", () => {
  it(`works on while ${JOBS} jobs are upgraded`, async (t) => {
    const { url } = await freshDatabase(t);
    await build(url);
    const calm = await runOldCrm(url, REQUESTS_PER_SECOND, seeded(10), sleep(sized(2_000, 15_000)));
    console.log(`before: ${calm.requests} requests, ${said(calm)}`);
    const upgrade = new Promise<Awaited<ReturnType<typeof migrate>>>((resolve) =>
      setTimeout(() => void migrate(url).then(resolve), 500),
    );
    const seen = await runOldCrm(url, REQUESTS_PER_SECOND, seeded(11), upgrade);
    const { code, out, ms } = await upgrade;
    console.log(out.trimEnd());
    console.log(
      `${JOBS} jobs upgraded in ${(ms / 1000).toFixed(1)} s; ${seen.requests} requests meanwhile, ${said(seen)}`,
    );
    assert.equal(code, 0);
    assert.deepEqual(seen.errors, []);
    assert.ok(
      seen.longestMs < STALL_MS + seen.machineMs,
      `${seen.longest} took ${seen.longestMs} ms, a statement without a table ${seen.machineMs}`,
    );
    assert.deepEqual(ours(await readCatalog(url)), await emptyResult());
  });
});
