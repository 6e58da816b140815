// The log never shows a phone number or a secret, whatever path it came on.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { createLogger } from "../src/log.ts";
import { redact, withoutParameters } from "../src/redact.ts";
import { assertQuick, LONG } from "./support/quick.ts";
import { seeded } from "./support/random.ts";

function logged(write: (log: ReturnType<typeof createLogger>) => void): string {
  let text = "";
  write(createLogger("trace", { write: (line) => (text += line) }));
  return text;
}

const WRITTEN = [
  "+972521234567",
  "+972-52-123-4567",
  "+972 (52) 123-4567",
  "0521234567",
  "052-1234567",
  "052-123-4567",
  "052 123 4567",
  "03-6001234",
  "972521234567",
  "00972521234567",
  "+14155550123",
];

describe("log", () => {
  it("takes phone numbers out of messages, fields, nested fields, lists and keys' neighbours", () => {
    for (const number of WRITTEN) {
      const text = logged((log) => {
        log.info(`calling ${number} now`);
        log.info({ to: number, nested: { deep: [{ phone: number }] } }, "dialling");
        log.info({ url: `https://x.example/voice?To=${encodeURIComponent(number)}` });
      });
      const digits = number.replace(/\D/g, "");
      assert.ok(!text.replace(/[\s()-]/g, "").includes(digits), `${number} shows in ${text}`);
    }
  });

  it("takes them out of errors, their causes and what Postgres adds", () => {
    const cause = Object.assign(new Error("duplicate key +972521234567"), {
      code: "23505",
      detail: "Key (business_id, active_number)=(1, +972521234567) already exists.",
    });
    const text = logged((log) => log.error({ err: new Error("failed for 052-1234567", { cause }) }, "it failed"));
    assert.doesNotMatch(text, /1234567/);
    assert.match(text, /23505/, "the code stays");
    assert.match(text, /failed for \[number\]/);
  });

  it("takes out tokens and passwords", () => {
    const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.abc-DEF_123";
    const text = logged((log) => log.warn({ url: "postgres://app:hunter2@db:5432/x", auth: `Bearer ${jwt}` }));
    assert.doesNotMatch(text, /hunter2|eyJ|abc-DEF/);
    assert.match(text, /postgres:\/\/app:\[secret\]@db:5432/);
  });

  it("takes out a password whole, whatever is in it and wherever a URL has it", () => {
    for (const url of [
      "postgres://app:hunter2@hunter2@db:5432/x",
      'postgres://app:hunter2"@hunter2@db:5432/x',
      "postgres://app:hunter2/?#hunter2@db:5432/x",
      "postgres://:hunter2@db:5432/x",
      "postgres://app@db:5432/x?password=hunter2&user=app",
      "postgres://app@db:5432/x?sslmode=require&sslpassword=hunter2",
      'postgres://app@db:5432/x?PASSWORD="hunter2',
    ]) {
      const text = logged((log) => log.warn({ url, mail: "dana@crm.example" }, `no database at ${url}, it seems`));
      assert.doesNotMatch(text, /hunter2/, url);
      assert.match(text, /@db:5432\/x/, url);
      const { mail, msg } = JSON.parse(text) as { mail: string; msg: string };
      assert.equal(mail, "dana@crm.example", "what stands beside it stays");
      assert.match(msg, /it seems$/);
    }
  });

  it("takes out a token or password in the middle of a word, or behind what only begins like one", () => {
    assert.equal(redact("a-eyJh.eyJz.x-y/z"), "a-[token]/z");
    assert.equal(redact("eyJ.eyJ-eyJh.eyJz.x eyJh.z"), "eyJ.[token] eyJh.z");
    assert.equal(redact("app.eyJh.eyJz."), "app.[token]");
    assert.equal(
      redact("postgres://x postgres://a:postgres://b:p:/w@db"),
      "postgres://x postgres://a:postgres://b:[secret]@db",
    );
  });

  it("reads a text of any length once", () => {
    const UNITS = [
      "eyJ-",
      "eyJa.",
      "postgres://",
      "postgresql://a:",
      "+1 ",
      "0-",
      "972 ",
      "(05) ",
      "٠ ",
      "\\n1",
      "1",
      "\n",
      "\n  ",
      "\nparams:",
    ];
    for (const unit of UNITS) {
      const text = unit.repeat(LONG / unit.length);
      for (const line of [text, `\nparams: ${text}`, `postgres://a:${text}`]) {
        assertQuick(`redact ${JSON.stringify(unit)}`, () => redact(line));
        assertQuick(`withoutParameters ${JSON.stringify(unit)}`, () => withoutParameters(line));
      }
    }
  });

  it("any Israeli mobile number, in any of its ways, is redacted", () => {
    const random = seeded(11);
    for (let round = 0; round < 2_000; round++) {
      const rest = String(random.below(10_000_000)).padStart(7, "0");
      const prefix = `5${random.below(10)}`;
      const number = random.pick([
        `+972${prefix}${rest}`,
        `0${prefix}${rest}`,
        `0${prefix}-${rest}`,
        `972${prefix}${rest}`,
        `0${prefix} ${rest.slice(0, 3)} ${rest.slice(3)}`,
      ]);
      assert.ok(!redact(JSON.stringify({ to: number })).includes(rest.slice(3)), number);
    }
  });

  it("leaves what only looks similar: times, ids, SIDs, counts", () => {
    const line = JSON.stringify({
      time: "2026-03-01T10:20:30.123Z",
      runId: 123_456_789,
      id: "0b1c9a4e-6f0d-4c55-9a59-0123456789ab",
      another: "05212345-6f0d-4c55-9a59-0123456789ab",
      third: "97252123-4567-4c55-9a59-0123456789ab",
      ms: 1_234.5678,
      worker: "host:4711",
    });
    assert.equal(redact(line), line);
    const text = logged((log) => log.info({ jobs: 10_000 }, "run 42"));
    assert.match(text, /"jobs":10000/);
    assert.ok(!Number.isNaN(Date.parse((JSON.parse(text) as { time: string }).time)));
  });

  it("nor does the end of a process by an error nobody caught", () => {
    const script = `
      import { showStrayErrorsPlainly } from "./src/shutdown.ts";
      showStrayErrorsPlainly();
      const error = new Error("no such lead: +972521234567\\nparams: Dana,hunter2");
      await Promise.reject(Object.assign(error, { client: { password: "hunter2" } }));
    `;
    const root = new URL("..", import.meta.url);
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { cwd: root });
    assert.equal(status, 1);
    assert.match(stderr.toString(), /^Error: no such lead: \[number\]\n\s+at /);
    assert.doesNotMatch(stderr.toString(), /hunter2|Dana|1234567/);
  });

  it("nor does a text among the parameters that looks like a stack at first sight", () => {
    const note = "call back\n   at noon, says Dana\n at the office: 5";
    const error = new Error(`Failed query: select $1, $2\nparams: ${note},hunter2`);
    const line = logged((log) => log.warn({ err: error }, "failed"));
    assert.doesNotMatch(line, /Dana|hunter2|office/);
    assert.match(line, /log\.test\.ts:\d+:\d+/);
    assert.doesNotMatch(withoutParameters(error.stack ?? ""), /Dana|hunter2|office/);
    assert.match(withoutParameters(error.stack ?? ""), /select \$1, \$2\n\s+at .*log\.test\.ts:\d+:\d+/);
  });

  it("nor does a task's error as Graphile shows it", () => {
    const shown = [
      "Failed task 1 (dispatch_calls) with error 'Failed query: select $1",
      "params: 1.002,0.012,Dana,hunter2':",
      "  Error: Failed query: select $1",
      "  params: 1.002,0.012,Dana,hunter2",
      "      at somewhere (file.ts:1:1)",
    ].join("\n");
    const plain = withoutParameters(shown);
    assert.doesNotMatch(plain, /Dana|hunter2|1\.002/);
    assert.match(plain, /^Failed task 1 .* select \$1\n\s+at somewhere/);
  });
});
