// How far a run's audit trail has come: what a watcher's event id begins with.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { forTenant } from "../../db/tenant.ts";
import { testLogger } from "../support/log.ts";
import { aBusiness, anEvent, aRun } from "./rows.ts";
import { freshDatabase } from "./support.ts";

const db = await freshDatabase({ after });
const log = testLogger();

describe("the newest event of a watched run", () => {
  it("is its own, and 0 before there is any", async () => {
    const { id: businessId } = await aBusiness(db);
    const [first, second] = [await aRun(db, businessId), await aRun(db, businessId)];
    const tenant = forTenant(db, { businessId, actor: "user:7", userId: null }, log);
    assert.equal((await tenant.watchRun(first.id))?.newestEvent, 0);
    await anEvent(db, first, "run.created");
    const newest = await anEvent(db, first, "job.dialing");
    await anEvent(db, second, "run.created");
    assert.equal((await tenant.watchRun(first.id))?.newestEvent, newest.id);
  });
});
