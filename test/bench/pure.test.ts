// The benchmark's arithmetic: percentiles, gaps, slot use, the table.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StandInEvent } from "../../src/dev/twilio/events.ts";
import type { CallView } from "../../src/dev/twilio/observer.ts";
import { refillGaps, slotUse } from "./parts/gaps.ts";
import { hottest } from "./parts/profile.ts";
import { percentile } from "./parts/statistics.ts";
import { figure, table } from "./table.ts";

const ended = (from: string, atMs: number) =>
  ({ kind: "callback.sent", event: "completed", from, atMs }) as StandInEvent;
const created = (from: string, atMs: number) => ({ kind: "create.arrived", from, atMs }) as StandInEvent;
const call = (from: string, createdMs: number, endMs: number) => ({ from, createdMs, endMs }) as CallView;

describe("the benchmark's figures", () => {
  it("takes percentiles by nearest rank", () => {
    const values = Array.from({ length: 100 }, (_, n) => 100 - n);
    assert.deepEqual(
      [0, 0.5, 0.95, 0.99, 1].map((p) => percentile(values, p)),
      [1, 50, 95, 99, 100],
    );
    assert.ok(Number.isNaN(percentile([], 0.5)));
  });

  it("pairs each end with the next call of the same caller id, the first free slot first", () => {
    const events = [
      created("a", 0),
      created("a", 1),
      created("b", 1),
      ended("a", 100),
      ended("a", 104),
      ended("b", 105),
    ];
    const refills = [created("a", 110), created("b", 111), created("a", 117), ended("a", 200)];
    assert.deepEqual(refillGaps([...events, ...refills]), [10, 6, 13]);
  });

  it("counts a slot as used from a call's first moment to its end, while its business has leads", () => {
    // Two slots for 100 ms: one of them empty for 20 ms, the other for 30 ms.
    const calls = [call("a", 0, 80), call("a", 0, 70), call("a", 100, 180), call("b", 5, 10)];
    assert.equal(slotUse(calls, 2), 0.75);
  });

  it("sums a profile up by function, without idle time", () => {
    const node = (id: number, functionName: string, url = "") => ({ id, callFrame: { functionName, url } });
    const nodes = [
      node(1, "(idle)"),
      node(2, "query", "file:///x/node_modules/pg/lib/client.js"),
      node(3, "claim", "file:///x/src/runs/claim.ts"),
      node(4, "query", "file:///x/node_modules/pg/lib/client.js"),
    ];
    const found = hottest({ nodes, samples: [1, 2, 3, 4], timeDeltas: [900, 10, 40, 50] });
    assert.deepEqual(found, [
      { where: "query pg/lib", share: 0.6 },
      { where: "claim claim.ts", share: 0.4 },
    ]);
  });

  it("prints a row that was measured, one that was not, and their further lines", () => {
    const outcome = { reached: "0.21 (312 of 1,480)", met: true, figures: {}, lines: ["CPU (cores): worker 0.8"] };
    const text = table([
      { no: 1, name: "calls", target: ">= 0.2", outcome },
      { no: 2, name: "gap", target: "< 15 ms", failure: "Error: no carrier" },
    ]);
    assert.deepEqual(text.split("\n"), [
      "| row | what  | reached             | target  | met |",
      "|-----|-------|---------------------|---------|-----|",
      "| 1   | calls | 0.21 (312 of 1,480) | >= 0.2  | yes |",
      "| 2   | gap   | not measured        | < 15 ms | -   |",
      "",
      "  1: CPU (cores): worker 0.8",
      "  2: Error: no carrier",
    ]);
    assert.deepEqual([1480.4, 312, 12.345, 0.2149].map(figure), ["1,480", "312", "12.3", "0.21"]);
  });
});
