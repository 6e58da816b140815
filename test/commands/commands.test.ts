// The commands from the outside: configuration, token, call, run, reap.
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { connectObserver } from "../../src/dev/twilio/client.ts";
import { messyCsv } from "../support/leads.ts";
import { FULL } from "../support/sizes.ts";
import { cli } from "./cli.ts";

/** The figures of a summary: `called  480` -> { called: 480 }. */
function figures(text: string): Record<string, number> {
  return Object.fromEntries([...text.matchAll(/^ *([a-z][a-z ]*?) {2,}(\d+)$/gm)].map((m) => [m[1], Number(m[2])]));
}

describe("configuration", () => {
  it("prints every fault at once and exits 2, without reading or starting anything", async (t) => {
    const { run, dataDir } = cli(t);
    const { code, err } = await run(["worker"], {
      PORT: "99999",
      TWILIO_CPS: "fast",
      MAX_CALLS_PER_BUSINESS: "0",
      TWILIO_ACCOUNT_SID: "AC123",
      DEFAULT_LOCALE: "fr",
    });
    assert.equal(code, 2);
    for (const fault of [
      "PORT",
      "TWILIO_CPS",
      "MAX_CALLS_PER_BUSINESS",
      "TWILIO_AUTH_TOKEN",
      "DEFAULT_LOCALE",
      "DATABASE_URL",
    ])
      assert.match(err, new RegExp(`\\b${fault} `), fault);
    assert.ok(!existsSync(join(dataDir, "postgres")));
  });

  it("never repeats a secret", async (t) => {
    const { run } = cli(t);
    const { code, err, out } = await run(["worker"], {
      DATABASE_URL: "mysql://me:hunter2@db/x",
      TWILIO_AUTH_TOKEN: "hunter3",
    });
    assert.equal(code, 2);
    assert.doesNotMatch(err + out, /hunter/);
  });

  it("says what commands there are, for one that is not", async (t) => {
    const { code, err } = await cli(t).run(["dance"]);
    assert.equal(code, 2);
    assert.match(err, /usage/);
  });
});

describe("token", () => {
  it("prints a token and nothing else", async (t) => {
    const { run } = cli(t);
    const { code, out } = await run(["token", "--business", "1", "--role", "owner", "--user", "7"]);
    assert.equal(code, 0);
    assert.match(out, /^eyJ[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const claims = JSON.parse(Buffer.from(out.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
    assert.deepEqual(
      [claims["business_id"], claims["role"], claims["sub"], claims["pages"]],
      [1, "owner", "7", ["calls_outbound"]],
    );
  });

  it("refuses a business, a role and a user that cannot be, all at once", async (t) => {
    const { code, err } = await cli(t).run(["token", "--business=x", "--role=king", "--user=-1"]);
    assert.equal(code, 2);
    for (const flag of ["BUSINESS", "ROLE", "USER"]) assert.match(err, new RegExp(flag));
  });
});

describe("call", () => {
  it("calls a list as people export it, and its summary adds up to the rows", { timeout: 170_000 }, async (t) => {
    const { run, dataDir } = cli(t);
    const file = join(dataDir, "leads.csv");
    const rows = FULL ? 500 : 90;
    const messy = messyCsv({ seed: 4, rows, delimiter: ";", encoding: "windows-1255" });
    writeFileSync(file, messy.bytes);
    const started = Date.now();
    const { code, out, err } = await run(["call", "--leads", file]);
    assert.equal(code, 0, out + err);
    const sum = figures(out);
    const skipped = messy.missing + messy.invalid + messy.duplicates;
    assert.equal(sum["called"], messy.leads, out);
    assert.equal(sum["skipped"], skipped, out);
    assert.equal(sum["rows in all"], messy.leads + skipped, out);
    assert.equal(sum["no phone number"] ?? 0, messy.missing);
    assert.equal(sum["invalid number"] ?? 0, messy.invalid);
    assert.equal(sum["number twice in the list"] ?? 0, messy.duplicates);
    assert.match(out, /the run is completed/);
    console.log(
      `call: ${rows} rows in ${((Date.now() - started) / 1000).toFixed(1)} s, database and stand-in included`,
    );
  });

  it("says what is wrong with a file, and exits 1", async (t) => {
    const { run, dataDir } = cli(t);
    writeFileSync(join(dataDir, "x.csv"), "name,city\nDana,Haifa\n");
    const { code, err } = await run(["call", "--leads", join(dataDir, "x.csv")]);
    assert.equal(code, 1);
    assert.match(err, /import\.no_phone_column/);
  });

  it("looks at the file before it starts anything, and names what is wrong along with the other faults", async (t) => {
    const { run, dataDir } = cli(t);
    const { code, err } = await run(["call", "--leads", join(dataDir, "none.csv"), "--business", "x"]);
    assert.equal(code, 2);
    assert.match(err, /LEADS: \S+none\.csv does not exist\n.*BUSINESS must be/s);
    assert.match((await run(["call", "--leads", dataDir])).err, /is a folder/);
    assert.ok(!existsSync(join(dataDir, "postgres")));
  });

  it("wants a confirmation before real phones ring", async (t) => {
    const { code, err } = await cli(t).run(["call", "--leads", "x.csv"], {
      TWILIO_ACCOUNT_SID: "AC00000000000000000000000000000000",
      TWILIO_AUTH_TOKEN: "t",
      PUBLIC_URL: "https://example.test",
    });
    assert.equal(code, 2);
    assert.match(err, /CONFIRM=1/);
    assert.match(err, /BUSINESS/);
  });
});

describe("run", () => {
  it("is joined by call, survives SIGKILL, and drains on SIGTERM", { timeout: 240_000 }, async (t) => {
    const { start, run, dataDir } = cli(t);
    const first = start(["run"]);
    const url = (await first.says(/console {2}(http:\S+)\/console/))[1] ?? "";
    assert.equal((await fetch(`${url}/livez`)).status, 200);
    // The stand-in of a run draws what becomes of a call anew each time: one may ring for half a minute.
    const [, standIn] = await first.says(/(http:\S+)\/observer\/report/);
    await connectObserver(standIn!).setScripts([{ outcome: "answered", answerAfterMs: 10, talkMs: 10 }]);

    const file = join(dataDir, "one.csv");
    writeFileSync(file, "phone\n0521234567\n");
    const joined = await run(["call", "--leads", file]);
    assert.match(joined.out, new RegExp(`joining ${url}`));
    assert.equal(figures(joined.out)["called"], 1, joined.out + joined.err);
    assert.equal(joined.code, 0);

    const twice = await run(["run"]);
    assert.equal(twice.code, 1);
    assert.match(twice.err, /already running/);

    first.child.kill("SIGKILL");
    await first.exited;
    const second = start(["run"]);
    const again = (await second.says(/console {2}(http:\S+)\/console/))[1] ?? "";
    const token = (await run(["token", "--business", "1"])).out.trim();
    const runs = await fetch(`${again}/api/outbound/runs`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(
      ((await runs.json()) as { items: unknown[] }).items.length,
      1,
      "what was done before the kill is there",
    );

    const asked = Date.now();
    second.child.kill("SIGTERM");
    assert.equal(await second.exited, 0);
    assert.ok(Date.now() - asked < 10_000);
  });
});

describe("migrate and reap", () => {
  it("work on the folder's database, print what they did, and can be repeated", async (t) => {
    const { run } = cli(t);
    const refused = await run(["reap"]);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /make migrate/);
    const first = await run(["migrate"]);
    assert.equal(first.code, 0, first.err);
    assert.match(first.out, /applied 0000_crm_tables/);
    assert.match((await run(["migrate"])).out, /the schema is current/);
    const reaped = await run(["reap"]);
    assert.equal(reaped.code, 0, reaped.err);
    assert.equal(reaped.out.trim().split("\n").length, 1);
    assert.match(reaped.err, /DATABASE_URL is not set: .*127\.0\.0\.1:\d+\/ringpost/);
    assert.equal((JSON.parse(reaped.out) as { reclaimed_runs: number }).reclaimed_runs, 0);
  });
});
