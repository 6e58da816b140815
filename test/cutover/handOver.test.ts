// One run's hand-over beside whatever may go wrong with it: a transaction that Postgres ends, an old worker in between.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Database } from "../../db/client.ts";
import { inTransaction } from "../../db/transaction.ts";
import type { Taken } from "../../src/cutover/decide.ts";
import { handOverRun } from "../../src/cutover/handOverRun.ts";
import { lockWaitingRuns } from "../../src/runs/businessNow.ts";
import { LIMITS } from "../support/world.ts";
import { aRun, fates, openOldShop, queuedJobs } from "./oldShop.ts";

const nothing = (): Taken => ({ numbers: new Set(), sids: new Set() });

/** The first COMMIT finds that Postgres has chosen the transaction as a deadlock's victim. */
function losingOneCommit(db: Database): void {
  let lost = false;
  db.$client.on("acquire", (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    const losing = (...args: unknown[]) => {
      if (lost || args[0] !== "commit") return query(...args);
      lost = true;
      return Promise.reject(Object.assign(new Error("deadlock detected"), { code: "40P01" }));
    };
    Object.assign(client, { query: losing });
  });
}

describe("a run's hand-over", () => {
  it("decides the same again when its transaction has to be repeated", async (t) => {
    const db = await openOldShop(
      t,
      [
        aRun(1, "running"),
        queuedJobs(1, 1, 3),
        "update outbound_call_jobs set status = 'calling', call_sid = 'CA1' where id = 101",
      ].join(";"),
    );
    losingOneCommit(db);
    const taken = nothing();
    assert.equal((await handOverRun(db, 1, 1, taken))?.status, "failed");
    assert.deepEqual(await fates(db, 1), { 101: "calling", 102: "queued", 103: "queued" });
    assert.deepEqual([taken.numbers.size, [...taken.sids]], [3, ["CA1"]]);
  });

  it("leaves a run that goes on by itself without the old worker's lock", async (t) => {
    const db = await openOldShop(
      t,
      `${aRun(1, "pending", "lock_ts, locked_by_worker", "now() - interval '10 minutes', 'old:17'")}; ${queuedJobs(1, 1, 2)};
       update outbound_call_runs set created_at = now() - interval '12 minutes'`,
    );
    assert.equal((await handOverRun(db, 1, 1, nothing()))?.status, "pending");
    // The age of a lock counts from Postgres' own start, which may be a moment ago.
    const limits = { ...LIMITS, runTtlMs: 1 };
    const waiting = await inTransaction(db, (tx) => lockWaitingRuns(tx, 1, limits));
    assert.deepEqual(
      waiting.map(({ id, queued }) => [id, queued]),
      [[1, 2]],
    );
  });
});
