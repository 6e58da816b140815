// The scanner finds what it must find, and the log's redaction leaves it nothing.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { redact } from "../../src/log.ts";
import { holdsNumber } from "./numbersIn.ts";

const KNOWN = new Set(["521234567"]);
const SPELLINGS = [
  "+972521234567",
  "+972 52 123 4567",
  "+972-52-123-4567",
  "972521234567",
  "00972521234567",
  "0521234567",
  "052-123-4567",
  "052-1234567",
  "(052) 1234567",
  "%2B972521234567",
];

describe("numbers in a log", () => {
  for (const number of SPELLINGS) {
    const line = JSON.stringify({
      level: 40,
      time: "2026-01-02T03:04:05.678Z",
      pid: 12345,
      msg: `could not call ${number}`,
      url: `/x?To=${number}`,
    });
    it(`${number} is found, and is gone after redaction`, () => {
      assert.ok(holdsNumber(line, KNOWN), line);
      assert.ok(!holdsNumber(redact(line), KNOWN), redact(line));
    });
  }

  it("times, ids, tokens and places are not numbers", () => {
    const line = `{"level":30,"time":"2026-11-21T05:06:07.123Z","pid":1234567890,"runId":123456789,"token":"0a1b2c3d-1111-2222-3333-444455556666","stack":"at x.ts:123456:78","msg":"worker: ready on 127.0.0.1:45678"}`;
    assert.ok(!holdsNumber(line, KNOWN));
    assert.equal(redact(line), line);
  });
});
