// Requests in progress: one business's many long ones must leave the others their connections.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { LeadsReader } from "../../src/api/deps.ts";
import { until } from "../support/until.ts";
import { anApi, as, plainReader } from "./harness.ts";
import { aBusiness, aRun } from "./rows.ts";
import { freshDatabase } from "./support.ts";

const db = await freshDatabase({ after });
const ROWS = { rows: [{ phone: "+972501234567" }] };
const IMPORT = "/api/outbound/import-leads";

/** A reader whose imports wait, inside their transactions, until they may go on. */
function heldReader() {
  const held: (() => void)[] = [];
  let open = false;
  const readLeads: LeadsReader = async (source) => {
    const { mapping, batches } = await plainReader(source);
    async function* slow(): typeof batches {
      yield* batches;
      if (!open) await new Promise<void>((go) => held.push(go));
    }
    return { mapping, batches: slow() };
  };
  const release = () => {
    open = true;
    for (const go of held) go();
  };
  return { readLeads, held, release };
}

describe("one business's long requests", () => {
  it("leave another its connections: it reads at once, while the first one's imports wait their turn", async (t) => {
    const { readLeads, held, release } = heldReader();
    t.after(release);
    const { app } = anApi(db, { deps: { readLeads } });
    const [loud, quiet] = [await aBusiness(db), await aBusiness(db)];
    const [a, b] = [await as(app, { business: loud.id }), await as(app, { business: quiet.id })];
    const run = await aRun(db, quiet.id);
    const imports = Array.from({ length: 12 }, () => a.post(IMPORT, ROWS));
    await until(() => Promise.resolve(held.length === 2), "two imports at work");
    const began = performance.now();
    assert.equal((await b.get(`/api/outbound/runs/${run.id}`)).status, 200);
    // Half of what a request waits for a connection.
    assert.ok(performance.now() - began < 5_000);
    assert.equal((await a.post("/api/outbound/stop-queue", { run_id: run.id })).status, 404, "a stop is looked at");
    release();
    assert.deepEqual(
      (await Promise.all(imports)).map(({ status }) => status),
      imports.map(() => 200),
    );
  });

  it("are refused after a while, before their bodies are read, and a stop never is", async (t) => {
    const { readLeads, held, release } = heldReader();
    t.after(release);
    const config = { ...anApi(db).deps.config, longestWaitMs: 200 };
    const { app } = anApi(db, { deps: { readLeads, config } });
    const me = await as(app, { business: (await aBusiness(db)).id });
    const first = [me.post(IMPORT, ROWS), me.post(IMPORT, ROWS)];
    await until(() => Promise.resolve(held.length === 2), "two imports at work");
    const third = await me.post(IMPORT, "not even JSON");
    assert.deepEqual([third.status, third.json.code], [429, "request.too_many_at_once"]);
    assert.ok(Number(third.headers.get("retry-after")) >= 1);
    const { status } = await me.post("/api/outbound/stop-queue", { run_id: 1_999_999_999 });
    assert.equal(status, 404);
    release();
    assert.deepEqual(
      (await Promise.all(first)).map((answer) => answer.status),
      [200, 200],
    );
    assert.equal((await me.post(IMPORT, ROWS)).status, 200);
  });

  it("do not refuse many short ones, which take turns", async () => {
    const { app } = anApi(db);
    const me = await as(app, { business: (await aBusiness(db)).id });
    const answers = await Promise.all(Array.from({ length: 60 }, () => me.get("/api/outbound/settings")));
    assert.ok(answers.every(({ status }) => status === 200));
  });
});
