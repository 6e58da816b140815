// What `make call` and `make run` must not do unasked: ring real phones, or end waiting leads as called by nobody.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openDatabase } from "../../db/client.ts";
import { announce, type Running } from "../../src/dev/runFile.ts";
import { holdsNumber } from "../support/numbersIn.ts";
import { freshDatabase, type FreshDatabase, type Scope } from "../support/postgres.ts";
import { lastFirst } from "../support/scope.ts";
import { cli } from "./cli.ts";

/** Signals that are closer together count as one. */
const NO_ECHO_MS = 600;
const REAL = { TWILIO_ACCOUNT_SID: "AC00000000000000000000000000000000", TWILIO_AUTH_TOKEN: "t" };
const ADDRESS = { PUBLIC_URL: "https://example.test" };

/**
 * Something alive that answers as the API of a `make run`, and what it was asked. It refuses what `answers` (by the
 * request's line, without its query) does not name.
 */
async function aRun(
  t: TestContext,
  dataDir: string,
  facts: Partial<Running>,
  answers: Record<string, object> = {},
): Promise<string[]> {
  const asked: string[] = [];
  const server: Server = createServer((request, response) => {
    if (request.url !== "/livez") asked.push(`${request.method} ${request.url}`);
    const answer = answers[`${request.method} ${request.url?.split("?")[0]}`];
    response.writeHead(answer || request.url === "/livez" ? 200 : 418, { "content-type": "application/json" });
    response.end(JSON.stringify(answer ?? { code: "tea.pot", error: "Short and stout" }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const demo = { id: 1, name: "Demo", ownerId: 1, listId: 1 };
  announce(dataDir, {
    pid: process.pid,
    apiUrl,
    carrier: "standin",
    database: "127.0.0.1:5432/ringpost",
    businesses: [demo],
    ...facts,
  });
  return asked;
}

/** Its name is printed, and chance makes some that read like a phone number. */
async function plainlyNamed(scope: Scope): Promise<FreshDatabase> {
  const made = await freshDatabase(scope);
  return holdsNumber(made.name) ? await plainlyNamed(scope) : made;
}

function leadsIn(dataDir: string): string {
  const file = join(dataDir, "leads.csv");
  writeFileSync(file, "phone\n0521234567\n");
  return file;
}

describe("call joins a run", () => {
  it("only when its carrier and its database are the ones that were asked for", async (t) => {
    const { run, dataDir } = cli(t);
    const asked = await aRun(t, dataDir, {});
    const call = ["call", "--leads", leadsIn(dataDir), "--business", "1", "--confirm", "1"];
    const real = await run(call, { ...REAL, ...ADDRESS });
    assert.equal(real.code, 2);
    assert.match(real.err, /TWILIO_ACCOUNT_SID is set.*no phone rings/);
    const other = await run(call, { DATABASE_URL: "postgres://me:hunter2@db.example/crm" });
    assert.equal(other.code, 2);
    assert.match(other.err, /DATABASE_URL is db\.example:5432\/crm.*127\.0\.0\.1:5432\/ringpost/);
    assert.doesNotMatch(other.err + other.out, /hunter2/);
    assert.deepEqual(asked, []);
  });

  it("with real credentials as if they were its own: BUSINESS and CONFIRM=1", async (t) => {
    const { run, dataDir } = cli(t);
    const asked = await aRun(t, dataDir, { carrier: "real", businesses: [] });
    const call = ["call", "--leads", leadsIn(dataDir)];
    const bare = await run(call);
    assert.equal(bare.code, 2);
    assert.match(bare.err, /BUSINESS is required/);
    assert.match(bare.err, /CONFIRM=1 is required/);
    assert.equal((await run([...call, "--business", "1"])).code, 2);
    assert.deepEqual(asked, []);
    const confirmed = await run([...call, "--business", "1", "--confirm", "1"]);
    assert.match(confirmed.out, /joining http:\S+ \(Twilio: real phones ring/);
    assert.deepEqual(asked, ["POST /api/outbound/import-leads"]);
    assert.equal(confirmed.code, 1);
    assert.equal(confirmed.err, "Short and stout (tea.pot)\n");
  });
});

describe("call, interrupted in a run that cannot stop", () => {
  it("says so, with the run's id, why it waited, and how to leave", async (t) => {
    const { start, dataDir } = cli(t);
    const counts = { queued: 1, in_progress: 0, completed: 0, failed: 0, cancelled: 0, total_leads: 1 };
    const waiting_for = { reason: "worker", message: "No worker is alive." };
    await aRun(
      t,
      dataDir,
      {},
      {
        "POST /api/outbound/import-leads": { list_id: 3, imported_count: 1 },
        "GET /api/outbound/import-leads": { items: [{ id: 5 }], total: 1 },
        "POST /api/outbound/bulk-enqueue": { run_id: 7, skipped: [] },
        "GET /api/outbound/runs/7": { run_id: 7, status: "pending", ...counts, waiting_for },
      },
    );
    const call = start(["call", "--leads", leadsIn(dataDir)]);
    await call.says(/run 7: 1 leads\nNo worker is alive\.\n0 %/);
    call.child.kill("SIGINT");
    await call.says(/stopping, 0 calls still live[^]*run 7 could not be stopped: Short and stout \(tea\.pot\)/);
    await sleep(NO_ECHO_MS);
    call.child.kill("SIGINT");
    assert.equal(await call.exited, 1);
    assert.match(call.text(), /leaving run 7: calls that are live go on\n$/);
    assert.equal(call.text().split("No worker is alive").length, 2, "told once");
  });
});

describe("the stand-in", () => {
  it("says so when it is let at a DATABASE_URL with businesses of its own", { timeout: 60_000 }, async (t) => {
    const { start } = cli(t);
    const scope = lastFirst(t);
    const { url, name } = await plainlyNamed(scope);
    const db = openDatabase({ url, name: "test", max: 1 });
    scope.after(() => db.$client.end());
    await db.$client.query(
      `create table business (id serial primary key, name text, phone_number text, is_active boolean, calls_enabled boolean)`,
    );
    await db.$client.query(`insert into business (name) values ('Ours')`);
    const started = start(["run"], { DATABASE_URL: url });
    await started.says(/Ringpost is running/);
    assert.match(started.text(), new RegExp(`^database 127\\.0\\.0\\.1:\\d+/${name} `));
    assert.match(started.text(), /WARNING: .* has businesses of its own, and there are no Twilio credentials/);
    assert.doesNotMatch(started.text(), new RegExp(new URL(url).password));
  });
});

describe("a carrier that reports to PUBLIC_URL", () => {
  it("wants the port that leads there, not any other", { timeout: 60_000 }, async (t) => {
    const { run, dataDir } = cli(t);
    const scope = lastFirst(t);
    const { url } = await plainlyNamed(scope);
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    scope.after(() => other.close());
    const { port } = other.address() as AddressInfo;
    const env = { DATABASE_URL: url, PORT: String(port), ...REAL, ...ADDRESS };
    for (const args of [["run"], ["call", "--leads", leadsIn(dataDir), "--business", "1", "--confirm", "1"]]) {
      const { code, err } = await run(args, env);
      assert.equal(code, 1);
      assert.match(err, /EADDRINUSE/);
    }
  });
});
