// Sharing slots out between runs: properties over thousands of seeded situations.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { freeSlots, shareSlots, type WaitingRun } from "../../src/runs/fairness.ts";
import { seeded, type Random } from "../support/random.ts";

const ROUNDS = 3_000;

const someRuns = (random: Random): WaitingRun[] =>
  Array.from({ length: random.below(7) }, (_, n) => {
    const concurrency = 1 + random.below(10);
    return {
      id: n + 1,
      queued: random.below(12),
      inProgress: random.below(concurrency + 1),
      concurrency,
      lastServed: random.below(3) === 0 ? null : random.below(1_000),
    };
  });

const room = (run: WaitingRun): number => Math.min(run.queued, Math.max(0, run.concurrency - run.inProgress));

describe("sharing slots between runs", () => {
  const seed = Date.now() % 100_000;

  it(`gives no more than is free, queued and allowed, and leaves nothing over that somebody could use (seed ${seed})`, () => {
    const random = seeded(seed);
    for (let round = 0; round < ROUNDS; round++) {
      const runs = someRuns(random);
      const free = random.below(12);
      const shares = shareSlots(runs, free);
      const given = [...shares.values()].reduce((sum, n) => sum + n, 0);
      for (const run of runs) assert.ok((shares.get(run.id) ?? 0) <= room(run));
      assert.ok([...shares.values()].every((n) => n > 0));
      const usable = runs.reduce((sum, run) => sum + room(run), 0);
      assert.equal(given, Math.min(free, usable));
    }
  });

  it(`leaves nobody two calls behind a run that was given some (seed ${seed})`, () => {
    const random = seeded(seed);
    for (let round = 0; round < ROUNDS; round++) {
      const runs = someRuns(random);
      const shares = shareSlots(runs, random.below(12));
      const after = (run: WaitingRun) => run.inProgress + (shares.get(run.id) ?? 0);
      const hungry = runs.filter((run) => room(run) > (shares.get(run.id) ?? 0));
      const served = runs.filter((run) => shares.has(run.id));
      for (const poor of hungry) for (const rich of served) assert.ok(after(rich) <= after(poor) + 1);
    }
  });

  it("prefers the longest unserved among equals, those never served first, then the oldest", () => {
    const run = (id: number, lastServed: number | null): WaitingRun => ({
      id,
      queued: 5,
      inProgress: 0,
      concurrency: 5,
      lastServed,
    });
    assert.deepEqual([...shareSlots([run(1, 30), run(2, 10), run(3, 20)], 1)], [[2, 1]]);
    assert.deepEqual([...shareSlots([run(1, 30), run(2, 10), run(3, null)], 1)], [[3, 1]]);
    assert.deepEqual([...shareSlots([run(2, null), run(1, null)], 1)], [[1, 1]]);
    assert.deepEqual(
      new Map(shareSlots([run(1, 1), run(2, 2), run(3, 3)], 5)),
      new Map([
        [1, 2],
        [2, 2],
        [3, 1],
      ]),
    );
  });

  it("one slot, given again and again, goes round", () => {
    const runs = Array.from({ length: 4 }, (_, n): WaitingRun => {
      return { id: n + 1, queued: 100, inProgress: 0, concurrency: 3, lastServed: null };
    });
    const served: number[] = [];
    for (let turn = 1; turn <= 12; turn++) {
      const [id] = [...shareSlots(runs, 1).keys()];
      runs.find((run) => run.id === id)!.lastServed = turn;
      served.push(id!);
    }
    assert.deepEqual(served, [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]);
  });

  it(`free slot numbers are the smallest free ones, and never let more live than the limit (seed ${seed})`, () => {
    const random = seeded(seed);
    for (let round = 0; round < ROUNDS; round++) {
      const limit = 1 + random.below(12);
      // A limit that was lowered leaves higher numbers taken.
      const taken = Array.from({ length: 15 }, (_, n) => n + 1).filter(() => random.below(3) === 0);
      const free = freeSlots(limit, taken);
      assert.equal(free.length, Math.max(0, limit - taken.length));
      assert.ok(free.every((no) => no >= 1 && no <= limit && !taken.includes(no)));
      assert.deepEqual(
        free,
        free.toSorted((a, b) => a - b),
      );
    }
  });
});
