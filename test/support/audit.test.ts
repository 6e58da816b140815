// What `make check` makes of npm's answers, as npm 11 writes them.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { verdictOf } from "./audit.ts";

const report = (total: number, vulnerabilities: object) =>
  JSON.stringify({ auditReportVersion: 2, vulnerabilities, metadata: { vulnerabilities: { high: total, total } } });

describe("npm audit", () => {
  it("without findings says nothing and passes", () => {
    assert.deepEqual(verdictOf(report(0, {})), { failed: false, says: undefined });
  });

  it("with a finding names it and fails", () => {
    const hole = { title: "A hole", url: "https://advisories.example.test/1" };
    const { failed, says } = verdictOf(
      report(2, { one: { severity: "high", via: [hole] }, two: { severity: "high", via: ["one"] } }),
    );
    assert.equal(failed, true);
    assert.match(says ?? "", /2 packages.*\n {2}one \(high\): A hole https:.*\n {2}two \(high\): one$/);
  });

  it("that the registry refuses, or that gets no answer, is one line and no failure", () => {
    const refused = JSON.stringify({
      message: "405 Method Not Allowed - POST https://registry.example.test/-/npm/v1/security/advisories/bulk",
      statusCode: 405,
      error: { summary: "", detail: "" },
    });
    for (const [printed, reason] of [
      [refused, /\(405 Method Not Allowed\)$/],
      ["", /\(no answer\)$/],
      ["<html>", /\(no answer\)$/],
    ] as const) {
      const { failed, says } = verdictOf(printed);
      assert.equal(failed, false);
      assert.match(says ?? "", reason);
      assert.doesNotMatch(says ?? "", /\n/);
    }
  });
});
