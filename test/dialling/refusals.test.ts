// What each refusal of the carrier means for a lead: the table, and that nothing falls through it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { refusalOf } from "../../src/dialling/refusals.ts";
import { seeded } from "../support/random.ts";

describe("refusals", () => {
  it("fails the lead for what is wrong with its number or not allowed for it", () => {
    for (const code of [21211, 21214, 21217, 13224, 13225, 21215, 21216, 21219]) {
      const expected = { kind: "rejected", code: String(code), message: "no", known: true };
      assert.deepEqual(refusalOf(400, code, "no"), expected);
    }
  });

  it("pauses for what every lead would meet", () => {
    for (const [code, reason] of [
      [21205, "voice_url"],
      [21210, "caller_id"],
      [21212, "caller_id"],
      [21213, "caller_id"],
    ] as const) {
      const expected = { kind: "blocked", reason, code: String(code), message: "no" };
      assert.deepEqual(refusalOf(400, code, "no"), expected);
    }
    for (const [status, code] of [
      [401, 20003],
      [403, 20005],
      [403, 20403],
    ] as const) {
      const expected = { kind: "blocked", reason: "carrier", code: String(code), message: "no" };
      assert.deepEqual(refusalOf(status, code, "no"), expected);
    }
    assert.equal(refusalOf(401, undefined, "").kind, "blocked");
  });

  it("tries again only after 429, by its status or its code", () => {
    assert.deepEqual(refusalOf(429, undefined, "slow"), { kind: "throttled", code: "http_429", message: "slow" });
    assert.equal(refusalOf(429, 20429, "").kind, "throttled");
    assert.equal(refusalOf(400, 20429, "").kind, "throttled");
  });

  it("takes every 5xx, even with a code that would be permanent, for an unknown outcome", () => {
    for (const status of [500, 502, 503, 504, 599, 408, 302])
      for (const code of [undefined, 20500, 20503, 21211, 21210])
        assert.equal(refusalOf(status, code, "").kind, "ambiguous", `${status} ${code}`);
    // With a code only where the carrier says of itself that it fails: those in a row pause the account.
    assert.deepEqual(refusalOf(503, undefined, "?"), { kind: "ambiguous", message: "HTTP 503", code: "http_503" });
    assert.deepEqual(refusalOf(408, undefined, "?"), { kind: "ambiguous", message: "HTTP 408" });
  });

  it("fails the lead for an unknown 4xx, and says that nobody knows it", () => {
    assert.deepEqual(refusalOf(400, 29999, "?"), { kind: "rejected", code: "29999", message: "?", known: false });
    assert.deepEqual(refusalOf(404, undefined, "?"), {
      kind: "rejected",
      code: "http_404",
      message: "?",
      known: false,
    });
  });

  it("never says `not placed` of anything but 429, whatever comes", () => {
    const random = seeded(3);
    for (let round = 0; round < 5_000; round++) {
      const status = 300 + random.below(300);
      const code = random.below(2) === 0 ? undefined : 10_000 + random.below(20_000);
      const { kind } = refusalOf(status, code, "");
      assert.equal(kind === "throttled", status === 429 || code === 20429);
      if (status >= 500 && code !== 20429) assert.equal(kind, "ambiguous");
    }
  });
});
