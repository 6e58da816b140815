// The oldest Postgres that is supported: the same upgrade, and the queue on what came out of it. (Everything else runs on
// the newest.) Its programs come as an npm package for 64-bit Linux.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, it } from "node:test";
import { migrateDatabase } from "../../db/migrate.ts";
import { readCatalog, type Catalog } from "../db/catalog.ts";
import { lastFirst } from "../support/scope.ts";
import { startOwnServer } from "../support/postgres.ts";
import { assertInvariants, world } from "../support/world.ts";
import { prefixes } from "./oldStates.ts";
import { assertRowsFit, buildOld, connect, emptyResult, ours } from "./support.ts";

const PACKAGE = "postgres-14";

const isInstalled = () => {
  try {
    createRequire(import.meta.url).resolve(PACKAGE);
    return true;
  } catch {
    return false;
  }
};

async function database(name: string, url: string): Promise<string> {
  const admin = await connect(url);
  await admin.query(`create database ${name}`);
  await admin.end();
  const own = new URL(url);
  own.pathname = `/${name}`;
  return own.href;
}

/** 18 lists NOT NULL as constraints, which are columns' matters before. */
const comparable = (catalog: Catalog) => ({
  ...catalog,
  constraints: catalog.constraints.filter((line) => !line.includes(" NOT NULL ")),
});

describe("Postgres 14", { skip: !isInstalled() && "its programs are not installed on this platform" }, () => {
  it("upgrades old databases to the same schema as the newest Postgres, and runs the queue", async (t) => {
    const scope = lastFirst(t);
    const server = await startOwnServer(scope, undefined, PACKAGE);
    const admin = await connect(server.url);
    const { rows } = await admin.query<{ v: string }>("select current_setting('server_version') as v");
    await admin.end();
    assert.match(rows[0]!.v, /^14\./);

    for (const [n, state] of prefixes()
      .filter((_, at) => at % 7 === 3)
      .entries()) {
      const url = await database(`old${n}`, server.url);
      const client = await connect(url);
      const before = await buildOld(client, state, 100 + n);
      await migrateDatabase(url);
      assert.deepEqual(comparable(ours(await readCatalog(url))), comparable(await emptyResult()), state.name);
      await assertRowsFit(client, before);
      await client.query("truncate drizzle.__drizzle_migrations");
      await migrateDatabase(url);
      await assertRowsFit(client, before);
      await client.end();
    }

    const url = await database("queue", server.url);
    await migrateDatabase(url);
    const w = await world(scope, { database: () => Promise.resolve({ url }) });
    const shop = await w.business();
    await w.worker();
    const { runId } = await w.enqueue(shop, await w.leads(shop, 30), { concurrency: 10 });
    assert.equal((await w.untilRun(runId, "completed")).completed, 30);
    await w.quiet();
    await assertInvariants(w);
  });
});
