// The rules of the hand-over, row by row.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  decideJobs,
  FRESH_MS,
  LIVE_MS,
  statusAfter,
  type OldJob,
  type OldRun,
  type Taken,
} from "../../src/cutover/decide.ts";
import { normalisePhone } from "../../src/leads/phone.ts";

const aRun = (run: Partial<OldRun> = {}): OldRun => ({ status: "running", cancelRequested: false, ageMs: 0, ...run });
const nothing = (): Taken => ({ numbers: new Set(), sids: new Set() });
let id = 0;
const aJob = ({ phone, ...job }: Partial<Omit<OldJob, "phone">> & { phone?: string | null } = {}): OldJob => ({
  id: ++id,
  status: "queued",
  sid: null,
  touched: false,
  ageMs: 0,
  ...job,
  phone: normalisePhone(phone === undefined ? `05${20_000_000 + id}` : phone),
});
const ways = (run: OldRun, jobs: OldJob[], taken = nothing()) =>
  decideJobs(run, jobs, taken).map((m) => `${m.to}${"code" in m && m.code ? ` ${m.code}` : ""}`);

describe("a run of the old system", () => {
  it("goes on by itself only while it is young and nobody was called", () => {
    const rows: [OldRun, OldJob[], string][] = [
      [aRun({ status: "pending" }), [], "pending"],
      [aRun({ status: "pending", ageMs: FRESH_MS }), [], "failed"],
      [aRun({ status: "pending", ageMs: -FRESH_MS }), [], "failed"],
      [aRun({ status: "pending" }), [aJob({ status: "calling", sid: "CA1" })], "failed"],
      [aRun(), [], "failed"],
      [aRun({ cancelRequested: true }), [], "cancelled"],
      [aRun({ status: "pending", cancelRequested: true }), [], "cancelled"],
      [aRun({ status: "completed", cancelRequested: true }), [], "completed"],
      [aRun({ status: "failed", cancelRequested: true }), [], "cancelled"],
      [aRun({ status: "stopped" }), [], "stopped"],
    ];
    for (const [run, jobs, after] of rows) assert.equal(statusAfter(run, jobs), after, JSON.stringify(run));
  });
});

describe("a job of the old system", () => {
  it("waits on only where nobody can have been called", () => {
    assert.deepEqual(ways(aRun(), [aJob()]), ["queued"]);
    assert.deepEqual(ways(aRun(), [aJob({ touched: true })]), ["failed outcome_unknown"]);
    assert.deepEqual(ways(aRun(), [aJob({ sid: "CA1" })]), ["failed outcome_unknown"]);
    assert.deepEqual(ways(aRun(), [aJob({ status: "dialing" })]), ["failed outcome_unknown"]);
  });

  it("that may be live is kept, once for each call, and only as long as calls last", () => {
    assert.deepEqual(ways(aRun(), [aJob({ status: "calling", sid: "CA1" })]), ["live"]);
    assert.deepEqual(ways(aRun(), [aJob({ status: "dialing", sid: "CA1" }), aJob({ status: "calling", sid: "CA1" })]), [
      "live",
      "failed outcome_unknown",
    ]);
    assert.deepEqual(ways(aRun(), [aJob({ status: "calling", sid: "CA1", ageMs: LIVE_MS + 1 })]), [
      "failed outcome_unknown",
    ]);
  });

  it("whose number cannot be dialled, or waits or was called already, ends with the reason", () => {
    const same = "050-2345678";
    assert.deepEqual(ways(aRun(), [aJob({ phone: null }), aJob({ phone: "12" })]), [
      "failed missing_phone",
      "failed invalid_phone",
    ]);
    assert.deepEqual(ways(aRun(), [aJob({ phone: same }), aJob({ phone: same })]), [
      "queued",
      "cancelled duplicate_phone",
    ]);
    assert.deepEqual(ways(aRun(), [aJob({ phone: same }), aJob({ phone: same, status: "completed" })]), [
      "cancelled duplicate_phone",
    ]);
    assert.deepEqual(ways(aRun(), [aJob({ phone: same }), aJob({ phone: same, touched: true })]), [
      "cancelled duplicate_phone",
      "failed outcome_unknown",
    ]);
    const taken = nothing();
    assert.deepEqual(ways(aRun(), [aJob({ phone: same })], taken), ["queued"]);
    assert.deepEqual(ways(aRun(), [aJob({ phone: same })], taken), ["cancelled already_queued"]);
    assert.deepEqual(
      ways(aRun({ status: "failed" }), [aJob({ phone: same })], taken),
      ["queued"],
      "resume looks again",
    );
  });

  it("of a run that ended otherwise is cancelled, and what has ended stays", () => {
    assert.deepEqual(ways(aRun({ status: "stopped" }), [aJob(), aJob({ status: "completed" })]), ["cancelled"]);
    assert.deepEqual(ways(aRun({ cancelRequested: true }), [aJob()]), ["cancelled"]);
    assert.deepEqual(ways(aRun({ status: "failed", cancelRequested: true }), [aJob()]), ["cancelled"]);
    assert.deepEqual(ways(aRun({ status: "completed" }), [aJob(), aJob({ status: "failed" })]), ["cancelled"]);
  });
});
