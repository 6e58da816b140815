// A connection given back twice must not end the process.
import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openPool } from "../../db/client.ts";
import { tolerantPool } from "../../src/worker/tolerantPool.ts";
import { freshDatabase } from "../support/postgres.ts";

it("takes a connection back once, and shrugs at the second time", async (t) => {
  const { url } = await freshDatabase(t);
  const pool = openPool({ url, name: "test", max: 1 });
  t.after(() => pool.end());
  const tolerant = tolerantPool(pool);
  const done = await new Promise<() => void>((resolve, reject) => {
    tolerant.connect((error, _client, release) => (error ? reject(error) : resolve(release)));
  });
  done();
  assert.doesNotThrow(done);
  const { rows } = await tolerant.query<{ one: number }>("select 1 as one");
  assert.deepEqual(rows, [{ one: 1 }]);
  const client = await tolerant.connect();
  client.release();
});

it("leaves alone who still wants a connection after the end", async (t) => {
  const { url } = await freshDatabase(t);
  const pool = openPool({ url, name: "test", max: 1 });
  const tolerant = tolerantPool(pool);
  await pool.end();
  const asked = tolerant.connect().then(
    () => "given",
    () => "refused",
  );
  assert.equal(await Promise.race([asked, sleep(50, "nothing")]), "nothing");
});
