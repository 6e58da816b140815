// What our connections are set to stays so, whatever server, database, role and URL say; and a start says when it does not.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import pg from "pg";
import { openDatabase, row, type Database } from "../../db/client.ts";
import { pgCode, READ_ONLY } from "../../db/pgErrors.ts";
import { connection, notPinned } from "../../db/pinned.ts";
import { inTransaction } from "../../db/transaction.ts";
import { requireOurDatabase } from "../../src/commands/ourDatabase.ts";
import { migratedDatabase } from "../support/migrated.ts";
import type { Scope } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { world } from "../support/world.ts";

const OTHER = {
  TimeZone: "Asia/Jerusalem",
  default_transaction_isolation: "repeatable read",
  synchronous_commit: "off",
  idle_in_transaction_session_timeout: "0",
};

function opened(t: Scope, url: string, options: { lazyCommit?: boolean } = {}): Database {
  const db = openDatabase({ url, name: "test", max: 1, ...options });
  t.after(() => db.$client.end());
  return db;
}

describe("our settings", () => {
  it("hold against those of the database, and of the URL, whose other options stay", async (t) => {
    const { url } = await migratedDatabase(t);
    const name = new URL(url).pathname.slice(1);
    const admin = opened(t, url);
    for (const [setting, value] of Object.entries(OTHER))
      await admin.execute(sql.raw(`alter database ${name} set ${setting} = '${value}'`));
    const theirs = new URL(url);
    theirs.searchParams.set("options", "-c statement_timeout=12345 -c synchronous_commit=off");
    for (const at of [url, theirs.href]) {
      const db = opened(t, at);
      assert.deepEqual(await notPinned(db.$client), []);
      await requireOurDatabase(db);
    }
    const timeout = await row(opened(t, theirs.href), sql`show statement_timeout`);
    assert.deepEqual(timeout, { statement_timeout: "12345ms" });
  });

  it("are named where something has dropped them, and nothing starts", async (t) => {
    const { url } = await migratedDatabase(t);
    const db = opened(t, url);
    for (const [setting, value] of Object.entries(OTHER)) await db.execute(sql.raw(`set ${setting} = '${value}'`));
    await assert.rejects(requireOurDatabase(db), (error: Error & { code: string }) => {
      assert.equal(error.code, "database.settings");
      for (const [setting, value] of Object.entries(OTHER)) assert.ok(error.message.includes(`${setting} = ${value}`));
      return true;
    });
    // Waiting for a standby too is more than we ask.
    await db.execute(sql`reset all`);
    await db.execute(sql`set synchronous_commit = 'remote_apply'`);
    assert.deepEqual(await notPinned(db.$client), []);
  });
});

/** As of a standby to which the address leads while a failover lasts; what is connected then stays so. */
async function readOnly(db: Database, on: boolean): Promise<void> {
  const name = await row<{ name: string }>(db, sql`select quote_ident(current_database()) as name`);
  await db.execute(sql.raw(`set default_transaction_read_only = off`));
  await db.execute(sql.raw(`alter database ${name?.name} set default_transaction_read_only = ${on ? "on" : "off"}`));
}

describe("the options of a URL", () => {
  for (const [url, rest, theirs] of [
    ["postgres://u:p@h/d?options=-c%20a%3Db", "postgres://u:p@h/d", "-c a=b "],
    ["postgres://u:p@h/d?options=-c+a%3Db&sslmode=require", "postgres://u:p@h/d?sslmode=require", "-c a=b "],
    ["postgres://u:p@h/d?sslmode=require&options=x", "postgres://u:p@h/d?sslmode=require", "x "],
    ["postgres://u:p@h/d?options=x&options=y", "postgres://u:p@h/d", "x y "],
    ["postgres://u:p@h/d?options=x&a=b&options=y&c=d", "postgres://u:p@h/d?a=b&c=d", "x y "],
    ["postgres://u:p@h/d?sslmode=require", "postgres://u:p@h/d?sslmode=require", ""],
    ["postgres://u@/d", "postgres://u@/d", ""],
  ] as const)
    it(`come before ours: ${url}`, () => {
      assert.deepEqual(connection(url, "-c ours=1"), { connectionString: rest, options: `${theirs}-c ours=1` });
    });

  it("do not lift that a plan can only read", async (t) => {
    const { url } = await migratedDatabase(t);
    const writing = `${url}?options=-c%20default_transaction_read_only%3Doff`;
    const client = new pg.Client(connection(writing, "-c default_transaction_read_only=on"));
    await client.connect();
    t.after(() => client.end());
    await assert.rejects(client.query("delete from outbound_call_runs"), /read-only/);
  });
});

describe("a connection that can only read", () => {
  for (const [what, use] of [
    ["a transaction's", (db: Database) => inTransaction(db, (tx) => tx.execute(WRITE))],
    ["a statement's", (db: Database) => db.execute(WRITE)],
    [
      "Graphile's, which keeps a connection after an error",
      async ({ $client }: Database) => {
        const client = await $client.connect();
        await client.query("delete from outbound_call_runs").finally(() => client.release());
      },
    ],
  ] as const)
    it(`does not stay in the pool: ${what}`, async (t) => {
      const { url } = await migratedDatabase(t);
      const admin = opened(t, url);
      await readOnly(admin, true);
      const db = opened(t, url);
      await assert.rejects(use(db), (error) => pgCode(error) === READ_ONLY);
      await readOnly(admin, false);
      await use(db);
    });

  it("holds up an answer of the carrier only for as long as that lasts", async (t) => {
    const w = await world(t);
    const business = await w.business();
    const { runId } = await w.enqueue(business, await w.leads(business, 1));
    // Nobody else tells of the call.
    await w.carrier.setFaults([{ on: "callback", kind: "drop" }]);
    const posted = Promise.withResolvers<void>();
    const stored = Promise.withResolvers<void>();
    await w.worker({
      reached: async (moment) => {
        if (moment !== "post.answered") return;
        posted.resolve();
        await stored.promise;
      },
    });
    await posted.promise;
    const admin = opened(t, w.url);
    await readOnly(admin, true);
    await admin.execute(
      sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    );
    stored.resolve();
    await until(
      () => w.logged.some((line) => /an answer of the carrier.*25006|25006.*an answer of the carrier/.test(line)),
      "the answer waits",
    );
    await readOnly(admin, false);
    await until(async () => (await w.jobs(runId))[0]?.status === "calling", "it is stored");
    assert.ok((await w.jobs(runId))[0]?.sid);
  });
});

const WRITE = sql`delete from outbound_call_runs`;
