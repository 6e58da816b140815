// The tests' own databases: apart from each other, cheap, and gone afterwards.

import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { isRunning, poll } from "../../src/dev/postgres/process.ts";
import { lockHolder } from "../../src/dev/postgres/lock.ts";
import { reapOwnServers } from "./postgres-own.ts";
import { SHARED_DATA_DIR, sharedServer } from "./postgres-session.ts";
import { freshDatabase, startOwnServer } from "./postgres.ts";
import { until } from "./until.ts";
import { untilGone } from "./untilGone.ts";

const LOCK = `${SHARED_DATA_DIR}.lock`;
const CHILD = fileURLToPath(new URL("postgres-child.ts", import.meta.url));

async function query(url: string, sql: string): Promise<unknown[][]> {
  const client = new Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<unknown[]>({ text: sql, rowMode: "array" })).rows;
  } finally {
    await client.end();
  }
}

function child(...args: string[]) {
  return fork(CHILD, args, { execPath: process.execPath });
}

describe("freshDatabase", () => {
  it("gives each test a database of its own, and drops it", async (t) => {
    const names: string[] = [];
    await t.test("one", async (t) => {
      const { url, name } = await freshDatabase(t);
      names.push(name);
      await query(url, "create table mine as select 1");
    });
    await t.test("two", async (t) => {
      const { url, name } = await freshDatabase(t);
      names.push(name);
      assert.deepEqual(await query(url, "select to_regclass('mine')"), [[null]]);
    });
    await freshDatabase(t);
    const server = await sharedServer();
    const left = () => server.query("select from pg_database where datname = any($1)", [names]);
    const three = "three: sweeps what still had a closing connection";
    // A backend ends a moment after its client, and autovacuum looks into every database: what has either is left again.
    await until(async () => {
      await t.test(three, async (t) => void (await freshDatabase(t)));
      return (await left()).length === 0;
    }, "both are gone");
  });

  it("spares connections that are closed after it", async (t) => {
    const { url } = await freshDatabase(t);
    const late = new Client({ connectionString: url });
    await late.connect();
    t.after(() => late.end());
  });

  it("prepares a template once, with four processes asking at once", async () => {
    const key = `${process.pid} ${performance.now()}`;
    const children = [1, 2, 3, 4].map(() => child("template", key));
    const answers = await Promise.all(children.map(async (one) => (await once(one, "message"))[0] as object));
    const prepared = answers.filter((answer) => "prepared" in answer && answer.prepared);
    assert.equal(prepared.length, 1);
    for (const answer of answers) assert.deepEqual("rows" in answer && answer.rows, [{ word: "cloned" }]);
  });

  it("prepares a template once, with one process asking twice at once", async (t) => {
    let prepared = 0;
    const prepare = async (url: string) => {
      prepared++;
      await query(url, "create table words as select 'cloned' as word");
    };
    const template = { name: "twice", key: `${process.pid} ${performance.now()}`, prepare };
    const both = await Promise.all([freshDatabase(t, { template }), freshDatabase(t, { template })]);
    assert.equal(prepared, 1);
    for (const { url } of both) assert.deepEqual(await query(url, "select word from words"), [["cloned"]]);
  });
});

describe("the keeper of the shared server", () => {
  it("is replaced by the next test process when it was killed, and the server goes on", async () => {
    const server = await sharedServer();
    const first = await poll(10_000, () => lockHolder(LOCK));
    process.kill(first!, "SIGKILL");
    await poll(10_000, () => !isRunning(first!));
    await once(child("template", "any"), "exit");
    const second = await poll(10_000, () => lockHolder(LOCK));
    assert.ok(second !== undefined && second !== first);
    assert.deepEqual(await server.query("select 1 as n"), [{ n: 1 }]);
  });
});

describe("startOwnServer", () => {
  it("keeps data over a restart and a crash, at the same address", async (t) => {
    const server = await startOwnServer(t);
    await query(server.url, "create table kept as select 1 as n");
    await server.restart();
    await query(server.url, "insert into kept values (2)");
    const { pid } = server;
    await server.stopImmediate();
    await untilGone(pid);
    await assert.rejects(query(server.url, "select 1"), { code: "ECONNREFUSED" });
    await server.start();
    assert.deepEqual(await query(server.url, "select n from kept order by n"), [[1], [2]]);
  });

  it("freezes and thaws with its connections", async (t) => {
    const server = await startOwnServer(t);
    const client = new Client({ connectionString: server.url });
    await client.connect();
    await server.pause();
    let answered = false;
    const answer = client.query("select 1").then(() => (answered = true));
    assert.equal(await poll(200, () => answered), undefined);
    server.resume();
    await answer;
    await client.end();
  });

  it("is reaped when its test process was killed", async () => {
    const owner = child("own");
    const [{ pid, dataDir }] = (await once(owner, "message")) as [{ pid: number; dataDir: string }];
    owner.kill("SIGKILL");
    await once(owner, "exit");
    assert.equal(isRunning(pid), true);
    await reapOwnServers();
    await untilGone(pid);
    assert.equal(existsSync(dirname(dataDir)), false);
  });
});
