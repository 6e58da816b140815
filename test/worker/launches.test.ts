// Work beside Graphile's tasks: what becomes of it when it fails, and when the worker has ended.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openDatabase } from "../../db/client.ts";
import { untilStored } from "../../src/runs/untilStored.ts";
import { Launches } from "../../src/worker/launches.ts";
import { world } from "../support/world.ts";

describe("work that was launched", () => {
  it("tells what it failed with, instead of ending the process", async () => {
    const failed: unknown[] = [];
    const launches = new Launches((error) => failed.push(error));
    const broken = new Error("broken");
    launches.launch(() => Promise.reject(broken));
    assert.equal(launches.inFlight, 1);
    assert.equal(await launches.drain(1_000), true);
    assert.deepEqual(failed, [broken]);
  });

  it("stores an answer again and again, but not once its worker has ended", async (t) => {
    const w = await world(t);
    const db = openDatabase({ url: w.url, name: "test", max: 1 });
    let tries = 0;
    const stored = untilStored(w.engine({ db }), async () => {
      tries++;
      await db.execute("select 1");
      if (tries < 3) throw new Error("Connection terminated unexpectedly");
      await db.$client.end();
      await db.execute("select 1");
    });
    await assert.rejects(stored);
    assert.equal(tries, 3);
  });
});
