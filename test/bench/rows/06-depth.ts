// Row 6: what a claim and a look at a run cost in a database with a thousand leads waiting and no past, and in one with a
// past of years. Both are asked in turn, so that what else the machine does hits both alike.
import { openDatabase, type Database } from "../../../db/client.ts";
import { migrateDatabase } from "../../../db/migrate.ts";
import { freePort } from "../../../src/dev/postgres/port.ts";
import { testLogger } from "../../support/log.ts";
import { dispatchOnce } from "../../../src/runs/dispatch.ts";
import { endJob } from "../../../src/runs/end.ts";
import type { Engine } from "../../../src/runs/engine.ts";
import { endedJobs, manyBusinesses, queuedJobs, withoutIndexes } from "../../support/depth.ts";
import { LIMITS } from "../../support/world.ts";
import { testEngine } from "../../support/world/engine.ts";
import type { Bench, Row } from "../row.ts";
import { checkInvariants } from "../parts/invariants.ts";
import { ownerToken } from "../parts/people.ts";
import { setStage, type Stage } from "../parts/stage.ts";
import { percentile, rounded } from "../parts/statistics.ts";
import { timed } from "../parts/timed.ts";
import { figure } from "../table.ts";

const BUSINESSES = 100;
const ROUNDS = 5;
const TARGET = 1.3;
const ENDED_PER_RUN = 200;

interface Side {
  db: Database;
  apiUrl: string;
  engine: Engine;
  businessIds: number[];
  runIds: number[];
}

export const row: Row = {
  no: 6,
  name: "depth: claim and status",
  target: `<= ${TARGET}x of a small table`,
  async run(bench) {
    const queued = bench.full ? 1_000_000 : 100_000;
    const ended = bench.full ? 10_000_000 : 1_000_000;
    const stage = await setStage(bench);
    const small = await side(bench, stage, "bench_small", { queued: 1_000, ended: 0 });
    const deep = await side(bench, stage, "bench_deep", { queued, ended });
    const costs = { claim: await inTurn(small, deep, claimOne), status: await inTurn(small, deep, askStatus) };
    for (const { db } of [small, deep]) await checkInvariants({ db, carrier: stage.carrier }, []);
    const claim = costs.claim.deep / costs.claim.small;
    const status = costs.status.deep / costs.status.small;
    return {
      reached:
        `claim ${claim.toFixed(2)}x (${figure(costs.claim.deep)} of ${figure(costs.claim.small)} ms), ` +
        `status ${status.toFixed(2)}x (${figure(costs.status.deep)} of ${figure(costs.status.small)} ms)`,
      met: claim <= TARGET && status <= TARGET,
      figures: {
        queued,
        ended,
        claim_ratio: rounded(claim),
        claim_small_p50_ms: rounded(costs.claim.small),
        claim_deep_p50_ms: rounded(costs.claim.deep),
        status_ratio: rounded(status),
        status_small_p50_ms: rounded(costs.status.small),
        status_deep_p50_ms: rounded(costs.status.deep),
      },
    };
  },
};

async function side(
  bench: Bench,
  stage: Stage,
  name: string,
  { queued, ended }: { queued: number; ended: number },
): Promise<Side> {
  const url = await anotherDatabase(bench, stage, name);
  const db = openDatabase({ url, name: "bench", max: 2, answerWithinMs: 3_600_000 });
  bench.scope.after(() => db.$client.end());
  bench.say(`filling: ${figure(queued)} queued, ${figure(ended)} ended`);
  const businessIds = await manyBusinesses(db, BUSINESSES, 1);
  let runIds: number[] = [];
  await withoutIndexes(db, async () => {
    if (ended > 0) await endedJobs(db, businessIds, { jobs: ended, perRun: ENDED_PER_RUN });
    runIds = await queuedJobs(db, businessIds, queued);
  });
  await db.$client.query("vacuum analyze");
  const port = await freePort();
  const apiUrl = `http://127.0.0.1:${port}`;
  await stage.start("api", { DATABASE_URL: url, PORT: String(port), PUBLIC_URL: apiUrl });
  const limits = { ...LIMITS, maxCallsPerBusiness: 1 };
  const setup = { databaseUrl: url, publicUrl: apiUrl, carrier: stage.carrier, limits };
  return {
    db,
    apiUrl,
    engine: testEngine(
      db,
      setup,
      testLogger((line) => process.stderr.write(line), "error"),
    ),
    businessIds,
    runIds,
  };
}

async function anotherDatabase(bench: Bench, { db, url }: Stage, name: string): Promise<string> {
  await db.$client.query(`drop database if exists ${name} with (force)`);
  await db.$client.query(`create database ${name}`);
  bench.scope.after(() => db.$client.query(`drop database ${name} with (force)`));
  const made = new URL(url);
  made.pathname = name;
  await migrateDatabase(made.href);
  return made.href;
}

/** Medians, in milliseconds; the first round warms up. */
async function inTurn(
  small: Side,
  deep: Side,
  ask: (side: Side, n: number) => Promise<number>,
): Promise<{ small: number; deep: number }> {
  const took = { small: [] as number[], deep: [] as number[] };
  for (let round = 0; round < ROUNDS; round++)
    for (let n = 0; n < BUSINESSES; n++) {
      const [ofSmall, ofDeep] = [await ask(small, n), await ask(deep, n)];
      if (round === 0) continue;
      took.small.push(ofSmall);
      took.deep.push(ofDeep);
    }
  return { small: percentile(took.small, 0.5), deep: percentile(took.deep, 0.5) };
}

/** One dispatch with one free slot; afterwards the slot is free again. */
async function claimOne({ db, engine, businessIds }: Side, n: number): Promise<number> {
  const { ms, result } = await timed(() => dispatchOnce(engine, businessIds[n]!));
  const [claim] = result.claims;
  if (!claim) throw new Error("nothing was claimed");
  const end = { status: "failed", outcome: "rejected", errorMessage: null, errorCode: null, call: null } as const;
  await endJob(db, claim, end, "bench");
  return ms;
}

async function askStatus({ apiUrl, businessIds, runIds }: Side, n: number): Promise<number> {
  const headers = { Authorization: `Bearer ${await ownerToken(businessIds[n]!)}` };
  const { ms, result } = await timed(async () => {
    const response = await fetch(`${apiUrl}/api/outbound/runs/${runIds[n]}`, { headers });
    await response.text();
    return response.status;
  });
  if (result !== 200) throw new Error(`status answered ${result}`);
  return ms;
}
