// Lines: one is called up after the other, nobody in vain, nobody forgotten.
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Lines } from "../../src/worker/lines.ts";
import { until } from "../support/until.ts";

const TURN = "the account's next turn";

/** `serve` is told who comes up; what it returns says when there is something again for whom it did not serve. */
function lines(
  t: TestContext,
  serve: (who: number) => { inMs: number } | Promise<void> | undefined,
  first = (waiting: readonly number[]) => Promise.resolve(waiting.toSorted((a, b) => a - b).slice(0, 2)),
) {
  const came: { who: number; at: number }[] = [];
  const left: number[] = [];
  const ending = new AbortController();
  t.after(() => ending.abort());
  const made = new Lines({
    first,
    async callUp(who) {
      came.push({ who, at: performance.now() });
      const left = serve(who);
      if (left && "inMs" in left) made.join(who, { key: TURN, ...left });
      else await left;
    },
    left: (who) => void left.push(who),
    ending: ending.signal,
  });
  return { lines: made, came, left, who: () => came.map((one) => one.who), end: () => ending.abort() };
}

const untilCame = (came: unknown[], count: number) =>
  until(
    () => Promise.resolve(came.length >= count),
    () => Promise.resolve(`${came.length} of ${count} came`),
  );

describe("a line", () => {
  it("calls up one at a time, when there is something, in the order that it is told", async (t) => {
    const began = performance.now();
    const { lines: made, came, who } = lines(t, () => undefined);
    for (const one of [5, 3, 9, 1, 3]) made.join(one, { key: TURN, inMs: 60 });
    await untilCame(came, 4);
    assert.deepEqual(who(), [1, 3, 5, 9]);
    assert.ok(came[0]!.at - began >= 59, "not before there is something");
    await sleep(20);
    assert.equal(came.length, 4, "each once");
  });

  it("waits again after whoever came in vain, who keeps his claim", async (t) => {
    let turns = 1;
    const { lines: made, came, who } = lines(t, () => (turns-- > 0 ? undefined : { inMs: 50 * (turns += 2) }));
    for (const one of [1, 2, 3]) made.join(one, { key: TURN, inMs: 0 });
    await untilCame(came, 5);
    assert.deepEqual(who().slice(0, 2), [1, 2], "the second finds nothing left");
    assert.ok(came[2]!.at - came[1]!.at >= 40, "nobody comes before there is something again");
    assert.deepEqual(new Set(who()), new Set([1, 2, 3]));
  });

  it("tells who has left it, and not of him who came in vain and waits on", async (t) => {
    let vain = 2;
    const { lines: made, came, left, who } = lines(t, (one) => (one === 1 && vain-- > 0 ? { inMs: 5 } : undefined));
    for (const one of [1, 2]) made.join(one, { key: TURN, inMs: 0 });
    await untilCame(came, 4);
    assert.deepEqual(who().toSorted(), [1, 1, 1, 2]);
    assert.deepEqual(left.toSorted(), [1, 2]);
  });

  it("moves at once when there is something sooner than was thought", async (t) => {
    const { lines: made, came } = lines(t, () => undefined);
    const began = performance.now();
    made.join(1, { key: TURN, inMs: 60_000 });
    await sleep(20);
    made.join(2, { key: TURN, inMs: 10 });
    await untilCame(came, 2);
    assert.ok(performance.now() - began < 5_000);
  });

  it("is asked after some seconds at the latest: a pause may have ended before its time", async (t) => {
    const { lines: made, came } = lines(t, () => undefined);
    made.join(1, { key: TURN, inMs: 300_000 });
    // By a timer and not by the clock: timers come in their order, whatever holds the machine up.
    await sleep(5_500);
    assert.equal(came.length, 1);
  });

  it("begins at once where nothing is known, and believes what is", async (t) => {
    const { lines: made, came, who } = lines(t, () => undefined);
    made.join(1, { key: TURN });
    await untilCame(came, 1);
    const began = performance.now();
    made.join(2, { key: TURN, inMs: 100 });
    made.join(3, { key: TURN });
    await untilCame(came, 3);
    assert.deepEqual(who(), [1, 2, 3]);
    assert.ok(came[1]!.at - began >= 99);
  });

  it("does not hold up another line", async (t) => {
    const { lines: made, came, who } = lines(t, () => undefined);
    made.join(1, { key: "a pause of five minutes", inMs: 300_000 });
    made.join(2, { key: TURN, inMs: 1 });
    await untilCame(came, 1);
    assert.deepEqual(who(), [2]);
  });

  it("lets go of those who have nothing to wait for any more, and of nobody who came meanwhile", async (t) => {
    let asked = 0;
    const made = lines(
      t,
      () => undefined,
      async () => {
        if (asked++ > 0) return [8, 9];
        made.lines.join(8, { key: TURN, inMs: 0 });
        made.lines.join(9, { key: TURN, inMs: 0 });
        return [];
      },
    );
    for (const one of [1, 2]) made.lines.join(one, { key: TURN, inMs: 0 });
    await untilCame(made.came, 2);
    assert.deepEqual(made.who(), [8, 9]);
  });

  it("keeps whoever joins again while his having nothing is being read", async (t) => {
    let asked = 0;
    const made = lines(
      t,
      () => undefined,
      async (waiting) => {
        if (asked++ > 0) return [...waiting];
        made.lines.join(2, { key: TURN, inMs: 0 });
        return [];
      },
    );
    for (const one of [1, 2]) made.lines.join(one, { key: TURN, inMs: 0 });
    await untilCame(made.came, 1);
    await sleep(20);
    assert.deepEqual(made.who(), [2]);
  });

  it("begins anew after its last one, also for whoever joins while he is served", async (t) => {
    const { lines: made, came, who } = lines(t, (one) => (one === 1 && came.length === 1 ? { inMs: 5 } : undefined));
    made.join(1, { key: TURN, inMs: 0 });
    await untilCame(came, 2);
    made.join(2, { key: TURN, inMs: 0 });
    await untilCame(came, 3);
    assert.deepEqual(who(), [1, 1, 2]);
  });

  it("pauses after a failure, and goes on with the others", async (t) => {
    const fails = (one: number) => (one === 1 ? Promise.reject(new Error("the database is away")) : undefined);
    const { lines: made, came, who } = lines(t, fails);
    for (const one of [1, 2, 3]) made.join(one, { key: TURN, inMs: 0 });
    await untilCame(came, 3);
    assert.deepEqual(who(), [1, 2, 3]);
    assert.ok(came[1]!.at - came[0]!.at >= 900);
  });

  it("calls nobody up after the end", async (t) => {
    const { lines: made, came, end } = lines(t, () => undefined);
    for (const one of [1, 2]) made.join(one, { key: TURN, inMs: 30 });
    end();
    await sleep(60);
    assert.equal(came.length, 0);
  });
});
