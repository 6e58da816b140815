// The observer's figures, and the holds that let a test decide who comes first. Run in this process and over HTTP.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { spawnStandIn } from "../../src/dev/twilio/spawn.ts";
import { startStandIn, type StandIn } from "../../src/dev/twilio/standIn.ts";
import { errorOf, FROM, number, quiet, sdk } from "./support.ts";

const OTHER_FROM = "+97235550101";
const endless = { talkMs: 600_000 };

for (const [where, start] of [
  ["in this process", startStandIn],
  ["in a process of its own", spawnStandIn],
] as const) {
  describe(`the observer ${where}`, () => {
    let standIn: StandIn;
    let place: (n: number, options?: { from?: string; token?: string }) => Promise<string>;

    before(async () => {
      standIn = await start({ preset: "instant" });
      const { calls } = sdk(standIn);
      place = async (n, { from = FROM, token } = {}) => {
        const base = { to: number(n), from, twiml: "<Response/>" };
        const statusCallback = `http://127.0.0.1:9/status?token=${token}`;
        return (await calls.create(token ? { ...base, statusCallback } : base)).sid;
      };
    });
    after(() => standIn.close());
    beforeEach(async () => {
      await standIn.setScripts([]);
      await standIn.setFaults([]);
      for (const { sid } of await standIn.calls()) {
        await sdk(standIn)
          .calls(sid)
          .update({ status: "completed" })
          .catch(() => undefined);
      }
      await quiet(standIn);
      await standIn.resetReport();
    });

    it("counts live calls per caller id, with their maximum", async () => {
      await standIn.setScripts([endless]);
      const [first] = await Promise.all([place(1), place(2), place(3, { from: OTHER_FROM })]);
      assert.deepEqual((await standIn.report()).livePerFrom, { [FROM]: 2, [OTHER_FROM]: 1 });
      await standIn.waitForEvent((event) => event.kind === "call.answered" && event.sid === first);
      await sdk(standIn).calls(first).update({ status: "completed" });
      await place(4);
      const report = await standIn.report();
      assert.deepEqual(report.maxLivePerFrom, { [FROM]: 2, [OTHER_FROM]: 1 });
      assert.deepEqual([report.liveNow, report.maxLive, report.accepted], [3, 3, 4]);
      assert.ok(report.maxStartsInAnySecond >= 3);
      assert.equal(Math.max(...(await standIn.timeline(FROM)).map(([, live]) => live)), 2);
    });

    it("names numbers called twice and tokens used or posted twice", async () => {
      await place(1, { token: "a" });
      await place(1, { token: "b" });
      await place(2, { token: "b" });
      await standIn.setFaults([{ on: "create", kind: "error", status: 429, times: 1 }]);
      await errorOf(place(3, { token: "c" }));
      await place(3, { token: "c" });
      const report = await standIn.report();
      assert.deepEqual(report.tosCalledTwice, [number(1)]);
      assert.deepEqual(report.tokensUsedTwice, ["b"]);
      assert.deepEqual(report.tokensPostedTwice, ["b", "c"]);
      assert.deepEqual([report.totalCreates, report.accepted], [5, 4]);
      assert.equal((await standIn.calls({ token: "c" }))[0]?.to, number(3));
    });

    it("counts creates after a mark, by numbers, by caller id, or at all", async () => {
      await place(1);
      await standIn.mark("stopped", { tos: [number(1), number(2)] });
      await standIn.mark("other", { from: OTHER_FROM });
      await place(2);
      await place(3);
      await place(4, { from: OTHER_FROM });
      await standIn.mark("all");
      const { afterMark } = await standIn.report();
      assert.deepEqual(afterMark["stopped"], {
        violations: 1,
        arrived: 1,
        accepted: 1,
        dialled: afterMark["stopped"]?.dialled,
        tos: [number(2)],
      });
      assert.deepEqual([afterMark["other"]?.violations, afterMark["other"]?.tos], [1, [number(4)]]);
      assert.equal(afterMark["all"]?.violations, 0);
    });

    it("counts a create once that arrived before the mark and was accepted after it", async () => {
      const hold = await standIn.holdCreates({ to: number(1) });
      const placed = place(1);
      await hold.reached(1);
      await standIn.mark("stopped", { tos: [number(1)] });
      await hold.release();
      await placed;
      const seen = (await standIn.report()).afterMark["stopped"];
      assert.deepEqual([seen?.violations, seen?.arrived, seen?.accepted], [1, 0, 1]);
    });

    it("watches the maximum within a group, of calls that are live already too", async () => {
      await standIn.setScripts([endless]);
      const sid = await place(1);
      await standIn.group("run", [number(1), number(2), number(3)]);
      await place(2);
      await place(9);
      await standIn.waitForEvent((event) => event.kind === "call.answered" && event.sid === sid);
      await sdk(standIn).calls(sid).update({ status: "completed" });
      await place(3);
      const report = await standIn.report();
      assert.deepEqual([report.groupMax, report.groupLive], [{ run: 2 }, { run: 2 }]);
      assert.equal(report.liveNow, 3);
    });

    it("holds creates before or after acceptance and lets them go one by one", async () => {
      const early = await standIn.holdCreates({ lastDigits: "1" });
      const late = await standIn.holdCreates({ lastDigits: "2", at: "after" });
      const [one, eleven, two] = [place(1), place(11), place(2)];
      await early.reached(2);
      await late.reached(1);
      assert.equal((await standIn.report()).accepted, 1);
      assert.equal(await early.release(1), 1);
      await Promise.race([one, eleven]);
      assert.deepEqual([await early.waiting(), (await standIn.report()).accepted], [1, 2]);
      assert.equal(await early.release(), 1);
      await late.release();
      await Promise.all([one, eleven, two]);
      await place(1);
    });

    it("lets a test wait for reports and events, and says what it saw in vain", async () => {
      const waiting = standIn.waitFor((report) => report.endedByStatus.completed === 2);
      await place(1);
      await place(2);
      assert.equal((await waiting).accepted, 2);
      const event = await standIn.waitForEvent(({ kind, to }) => kind === "create.arrived" && to === number(2));
      assert.equal(event.params?.["From"], FROM);
      await assert.rejects(
        standIn.waitFor((report) => report.accepted === 3, 50),
        /not within 50 ms; last report: \{"totalCreates":2/,
      );
      await assert.rejects(
        standIn.waitForEvent(({ kind }) => kind === "update", 50),
        /50 ms/,
      );
    });
  });
}
