// The scanner finds what it must find, and the log's redaction leaves it nothing.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import type { TestEvent } from "node:test/reporters";
import { redact } from "../../src/redact.ts";
import { holdsNumber } from "./numbersIn.ts";
import numbersReporter from "./numbersReporter.ts";

const KNOWN = new Set(["521234567"]);
const SPELLINGS = [
  "+972521234567",
  "+972 52 123 4567",
  "+972-52-123-4567",
  "+972-(0)52-123-4567",
  "+972.52.123.4567",
  "972521234567",
  "972-52-1234567",
  "00972521234567",
  "00972 52 123 4567",
  "0521234567",
  "052-123-4567",
  "052-1234567",
  "052.123.4567",
  "052/1234567",
  "(052) 1234567",
  "05-21-23-45-67",
  "52-123-4567",
  "521234567",
  "%2B972521234567",
  "\u200e052\u2013123\u20134567\u200f",
  "052\u00a0123\u00a04567",
  "052\u2011123\u20114567",
  "052\u200b1234567",
  "052\t123\n4567",
  "０５２１２３４５６７",
  "＋９７２-５２-１２３４５６７",
  "٠٥٢١٢٣٤٥٦٧",
  "۰۵۲ ۱۲۳ ۴۵۶۷",
  "+1 (415) 555-0123",
  "(415) 555-0123",
  "14155550123",
];

const lineOf = (fields: object) =>
  JSON.stringify({ level: 40, time: "2026-01-02T03:04:05.678Z", pid: 12345, ...fields });

describe("numbers in a log", () => {
  for (const number of SPELLINGS)
    it(`${JSON.stringify(number)} is found, and is gone after redaction`, () => {
      for (const fields of [
        { msg: `could not call ${number}` },
        { msg: `${number}, he said` },
        { msg: `It was ${number}.` },
        { msg: `התקשר ל-${number}` },
        { msg: `one\n${number}\nanother` },
        { url: `/x?To=${number}` },
        { actor: `user:${number}` },
        { to: number },
        { err: { message: `Key (to)=(${number}) exists` } },
      ]) {
        const line = lineOf(fields);
        assert.ok(holdsNumber(line), line);
        assert.ok(!holdsNumber(redact(line), KNOWN), redact(line));
        assert.doesNotThrow(() => void JSON.parse(redact(line)), "it stays JSON");
      }
    });

  it("a known number is found even where an id stands", () => {
    assert.ok(!holdsNumber(lineOf({ id: 521_234_567 })));
    assert.ok(holdsNumber(lineOf({ id: 521_234_567 }), KNOWN));
  });

  it("a long number where neither a time nor an id belongs is found", () => {
    for (const line of [lineOf({ jobs: 1_234_567 }), lineOf({ a: [{ x: "1234567" }] }), "not JSON: 123 45 67"])
      assert.ok(holdsNumber(line), line);
  });

  it("digits in the signature of a token are none, and those behind it are one", () => {
    const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.ab1234567-890_c";
    for (const line of [token, `token:\n  ${token}`, lineOf({ msg: `${token} is the token` })])
      assert.ok(!holdsNumber(line, KNOWN), line);
    assert.ok(holdsNumber(`${token} 052-1234567`));
  });

  it("times, ids, tokens and places are not numbers, and stay", () => {
    for (const line of [
      `{"level":30,"time":"2026-11-21T05:06:07.123Z","pid":1234567890,"runId":123456789,"token":"0a1b2c3d-1111-2222-3333-444455556666","stack":"at x.ts:12345:78","msg":"worker: ready on 127.0.0.1:45678"}`,
      lineOf({
        lost: "host-7:1234567",
        container: "4f3a2b1c9d8e:1234567",
        sid: "CA0123456789abcdef0123456789abcdef",
        ids: [2_000_000_000],
        left: 123_456,
      }),
      lineOf({ msg: "Worker timeout - no heartbeat from vm:4711 since 2026-01-02 03:04:05.123456" }),
      lineOf({ msg: "graphile: Failed task 1624 (dispatch_calls, 15461.88ms), again in 212.15361345101985ms" }),
      lineOf({ seconds: 0.123456789, jobs: 10_000, err: { message: "connect ECONNREFUSED 127.0.0.1:5432" } }),
    ]) {
      assert.ok(!holdsNumber(line, KNOWN), line);
      assert.equal(redact(line), line);
    }
  });
});

describe("a number that a test lets through", () => {
  it("fails the test file, however it ends", async () => {
    const place = JSON.stringify(new URL("log.ts", import.meta.url).href);
    const script = `import { testLogger } from ${place}; testLogger().info({ jobs: 52123456789 }, "x");`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    assert.deepEqual(await once(child, "close"), [1, null]);
    assert.match(said, /phone numbers in the log \(1 lines\)/);
  });

  it("fails the whole run when it is on standard error", async () => {
    const before = process.exitCode;
    const told = async (message: string) => {
      const event = { type: "test:stderr", data: { file: "x.test.ts", message } } as TestEvent;
      const said = numbersReporter(ReadableStream.from([event]));
      let lines = 0;
      for await (const _ of said) lines++;
      const { exitCode } = process;
      process.exitCode = before;
      return [lines, exitCode];
    };
    assert.deepEqual(await told("(node:1234567) Warning: at 2026-01-02T03:04:05Z\n"), [0, before]);
    assert.deepEqual(await told(`fine\nto 052-1234567\nto 0521234567\n`), [2, 1]);
  });
});
