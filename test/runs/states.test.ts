// The moves of runs, jobs and calls: walked at random, and compared with the state list that people were promised.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  callStatusesBefore,
  isCallEnd,
  isCallStatus,
  JOB_STATUSES,
  jobMayMove,
  jobStatusAtEnd,
  LIVE_JOB,
  OPEN_RUN,
  RUN_STATUSES,
  runMayMove,
  type CallStatus,
} from "../../src/runs/states.ts";
import { seeded } from "../support/random.ts";

const moves = <S extends string>(statuses: readonly S[], may: (from: S, to: S) => boolean): string[] =>
  statuses.flatMap((from) => statuses.filter((to) => may(from, to)).map((to) => `${from} -> ${to}`));

describe("states", () => {
  it("a run moves as promised, and no other way", () => {
    assert.deepEqual(moves(RUN_STATUSES, runMayMove).toSorted(), [
      "failed -> running",
      "pending -> cancelled",
      "pending -> running",
      "pending -> stopped",
      "running -> cancelled",
      "running -> completed",
      "running -> failed",
      "running -> stopped",
    ]);
  });

  it("a job moves as promised, or ends at once when its end is the first news", () => {
    assert.deepEqual(moves(JOB_STATUSES, jobMayMove).toSorted(), [
      "calling -> completed",
      "calling -> failed",
      "dialing -> calling",
      "dialing -> cancelled",
      "dialing -> completed",
      "dialing -> failed",
      "dialing -> queued",
      "queued -> calling",
      "queued -> cancelled",
      "queued -> dialing",
    ]);
  });

  it("nothing leaves the ends, and every walk of a job reaches one", () => {
    const seed = Date.now() % 100_000;
    const random = seeded(seed);
    for (let walk = 0; walk < 200; walk++) {
      let job: (typeof JOB_STATUSES)[number] = "queued";
      for (let step = 0; step < 1_000; step++) {
        const next = JOB_STATUSES.filter((to) => jobMayMove(job, to));
        if (next.length === 0) break;
        job = random.pick(next);
      }
      assert.ok(["completed", "failed", "cancelled"].includes(job), `seed ${seed}: stuck in ${job}`);
    }
    for (const live of LIVE_JOB) assert.ok(!jobMayMove(live, live));
    for (const open of OPEN_RUN) assert.ok(RUN_STATUSES.some((to) => runMayMove(open, to)));
  });

  it("a call only goes forward: before is a strict order, and ends follow everything but each other", () => {
    const words = [
      "queued",
      "initiated",
      "ringing",
      "in-progress",
      "completed",
      "busy",
      "no-answer",
      "failed",
      "canceled",
    ];
    const statuses = words.filter(isCallStatus);
    assert.deepEqual(statuses, words);
    const before = (a: CallStatus, b: CallStatus) => callStatusesBefore(b).includes(a);
    for (const a of statuses) {
      assert.ok(!before(a, a));
      for (const b of statuses) {
        assert.ok(!(before(a, b) && before(b, a)));
        for (const c of statuses) if (before(a, b) && before(b, c)) assert.ok(before(a, c));
        if (isCallEnd(b)) assert.equal(before(a, b), !isCallEnd(a));
      }
    }
  });

  it("whatever order news come in, a call that takes only later news ends in the same state", () => {
    const random = seeded(7);
    for (let round = 0; round < 500; round++) {
      const news: CallStatus[] = ["queued", "initiated", "ringing", "in-progress", "completed"];
      const told = [...news, ...news].map((status) => ({ status, at: random.below(1_000_000) }));
      let now: CallStatus | null = null;
      for (const { status } of told.sort((a, b) => a.at - b.at))
        if (now === null || callStatusesBefore(status).includes(now)) now = status;
      assert.equal(now, "completed");
    }
  });

  it("only a completed call completes its job; unknown words are no status", () => {
    assert.equal(jobStatusAtEnd("completed"), "completed");
    for (const end of ["busy", "no-answer", "failed", "canceled"] as const) assert.equal(jobStatusAtEnd(end), "failed");
    for (const word of ["", "answered", "toString", "constructor", "COMPLETED"])
      assert.equal(isCallStatus(word), false);
  });
});
