// Scripts, seeded chance, and the account's calls per second.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Scripts, type ScriptRule } from "../../src/dev/twilio/scripts.ts";
import { aStandIn, FROM, number, quiet, sdk } from "./support.ts";

const TIMEOUT = { timeout: 60, timeLimit: 14_400 };

describe("scripts", () => {
  const decide = (scripts: Scripts, n: number, nth = 1) =>
    scripts.decide({ to: number(n), from: FROM, nth, ...TIMEOUT });

  it("are the same for the same seed, in whatever order calls come", () => {
    const [one, two, other] = [1, 1, 2].map((seed) => new Scripts("realistic", seed, []));
    const numbers = Array.from({ length: 200 }, (_, n) => n);
    const first = numbers.map((n) => decide(one!, n));
    assert.deepEqual(
      numbers.toReversed().map((n) => decide(two!, n)),
      first.toReversed(),
    );
    assert.notDeepEqual(
      numbers.map((n) => decide(other!, n)),
      first,
    );
    assert.notDeepEqual(decide(one!, 1, 2), decide(one!, 1, 1));
  });

  it("follow the weights of a mix", () => {
    const scripts = new Scripts("fast", 1, [{ outcome: { answered: 1, busy: 3 } }]);
    const outcomes = Array.from({ length: 2_000 }, (_, n) => decide(scripts, n).outcome);
    const busy = outcomes.filter((outcome) => outcome === "busy").length / outcomes.length;
    assert.ok(busy > 0.7 && busy < 0.8, String(busy));
    assert.deepEqual(new Set(outcomes), new Set(["answered", "busy"]));
  });

  it("keep the presets' promises", () => {
    for (const outcome of ["answered", "no-answer", "busy", "failed"] as const) {
      const fast = new Scripts("fast", 1, [{ outcome }]);
      for (let n = 0; n < 500; n += 1) {
        const { initiateAfterMs, ringAfterMs, pickUpAfterMs, talkMs } = decide(fast, n);
        assert.ok(initiateAfterMs + ringAfterMs + pickUpAfterMs + talkMs <= 300);
      }
    }
    const answered = new Scripts("realistic", 1, [{ outcome: "answered" }]);
    for (let n = 0; n < 500; n += 1) {
      const { pickUpAfterMs, talkMs } = decide(answered, n);
      assert.ok(pickUpAfterMs >= 2_000 && pickUpAfterMs <= 8_000 && talkMs >= 3_000 && talkMs <= 20_000);
    }
  });

  it("prefer the number to its last digits, and those to everybody", () => {
    const rules: ScriptRule[] = [
      { outcome: "failed" },
      { lastDigits: "07", outcome: "busy" },
      { to: number(107), outcome: "no-answer" },
    ];
    const scripts = new Scripts("instant", 1, rules);
    assert.deepEqual(
      [107, 207, 208].map((n) => decide(scripts, n).outcome),
      ["no-answer", "busy", "failed"],
    );
  });

  it("honour Timeout and TimeLimit, in seconds", async (t) => {
    const scripts = new Scripts("instant", 1, [{ answerAfterMs: 30_000, talkMs: 30_000 }]);
    const call = { to: number(1), from: FROM, nth: 1 };
    const slow = scripts.decide({ ...call, timeout: 20, timeLimit: 600 });
    assert.deepEqual([slow.outcome, slow.pickUpAfterMs], ["no-answer", 20_000]);
    assert.equal(scripts.decide({ ...call, timeout: 60, timeLimit: 10 }).talkMs, 10_000);
    const standIn = await aStandIn(t, { scripts: [{ talkMs: 30_000 }] });
    await sdk(standIn).calls.create({ to: number(1), from: FROM, twiml: "<Response/>", timeLimit: 1 });
    await quiet(standIn);
    const [ended] = await standIn.calls();
    // After a second; or a bit later, on a busy machine.
    assert.ok(ended!.endMs! - ended!.answerMs! < 15_000);
  });
});

describe("calls per second", () => {
  it("lets calls beyond it wait in the queue, where they can still be canceled", async (t) => {
    const standIn = await aStandIn(t, { cps: 10 });
    const { calls } = sdk(standIn);
    const placed = [];
    for (let n = 0; n < 10; n += 1)
      placed.push(await calls.create({ to: number(n), from: FROM, twiml: "<Response/>" }));
    assert.ok(placed.every((call) => call.status === "queued"));
    await standIn.mark("stopped");
    assert.equal((await calls(placed[9]!.sid).update({ status: "canceled" })).status, "canceled");
    await quiet(standIn);
    const dialled = (await standIn.events()).filter((event) => event.kind === "call.initiated");
    assert.equal(dialled.length, 9);
    // Nine turns at 10 per second: eight intervals of 100 ms, less what may be caught up with.
    assert.ok(dialled.at(-1)!.atMs - dialled[0]!.atMs >= 750);
    const report = await standIn.report();
    assert.deepEqual([report.endedByStatus.completed, report.endedByStatus.canceled], [9, 1]);
    assert.equal(report.afterMark["stopped"]?.violations, 0);
    assert.ok(report.afterMark["stopped"].dialled > 0);
  });
});
