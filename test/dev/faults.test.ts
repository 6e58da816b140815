// Every way in which a request can go wrong, as the SDK experiences it, and whether the phone rang all the same.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Fault, RequestFault } from "../../src/dev/twilio/faults.ts";
import { aStandIn, errorOf, FROM, number, quiet, sdk, type SdkError } from "./support.ts";

const params = { to: number(1), from: FROM, twiml: "<Response/>" };
/** Soon enough for a test, and late enough for the request to have arrived. */
const HASTY_MS = 500;

/** What a create under this fault rejects with, and how many calls there are after it. */
async function create(t: Parameters<typeof aStandIn>[0], fault: Omit<RequestFault, "on">) {
  const standIn = await aStandIn(t, { faults: [{ ...fault, on: "create" }] });
  const inVain = fault.kind === "hang" || fault.kind === "slow";
  const error = await errorOf(sdk(standIn, inVain ? HASTY_MS : undefined).calls.create(params));
  const report = await standIn.report();
  assert.equal(report.totalCreates, 1);
  assert.deepEqual(report.faults, { [`create/${fault.kind}`]: 1 });
  return { error, accepted: report.accepted };
}

describe("creates that fail with a word", () => {
  const cases: [status: number, code: number | undefined, seen: number][] = [
    [429, undefined, 20429],
    [500, undefined, 20500],
    [503, undefined, 20503],
    [400, 21211, 21211],
    [400, 13224, 13224],
    [400, 21215, 21215],
    [401, undefined, 20003],
    [403, undefined, 20005],
    [418, 99999, 99999],
  ];
  for (const [status, code, seen] of cases) {
    it(`${status} / ${seen}, no call`, async (t) => {
      const { error, accepted } = await create(t, { kind: "error", status, ...(code ? { code } : {}) });
      assert.deepEqual([error.status, error.code, accepted], [status, seen, 0]);
    });
  }

  it("a 500 after the call was placed", async (t) => {
    const { error, accepted } = await create(t, { kind: "error", status: 500, at: "after" });
    assert.deepEqual([error.status, accepted], [500, 1]);
  });
});

describe("creates that fail without a word", () => {
  for (const [at, calls] of [
    ["before", 0],
    ["after", 1],
  ] as const) {
    it(`no answer, ${at} acceptance`, async (t) => {
      const { error, accepted } = await create(t, { kind: "hang", at });
      assert.deepEqual([error.status, error.code, accepted], [undefined, "ECONNABORTED", calls]);
    });

    it(`connection reset ${at} acceptance`, async (t) => {
      const { error, accepted } = await create(t, { kind: "reset", at });
      assert.deepEqual([error.status, error.code, accepted], [undefined, "ECONNRESET", calls]);
    });
  }

  it("201 without a SID", async (t) => {
    const standIn = await aStandIn(t, { faults: [{ on: "create", kind: "no-sid" }] });
    assert.equal((await sdk(standIn).calls.create(params)).sid, undefined);
    assert.equal((await standIn.report()).accepted, 1);
  });

  it("201 with HTML", async (t) => {
    const { error, accepted } = await create(t, { kind: "html" });
    assert.deepEqual([error.name, accepted], ["SyntaxError", 1]);
  });

  it("a slow answer: the client gives up, and the call comes into being all the same", async (t) => {
    const { error, accepted } = await create(t, { kind: "slow", ms: 60_000, at: "after" });
    assert.deepEqual([error.code, accepted], ["ECONNABORTED", 1]);
    const late = await aStandIn(t, { faults: [{ on: "create", kind: "slow", ms: 3 * HASTY_MS }] });
    await errorOf(sdk(late, HASTY_MS).calls.create(params));
    assert.equal((await late.report()).accepted, 0);
    await late.waitFor((report) => report.accepted === 1);
  });
});

describe("fetch, list and update", () => {
  it("fail on their own, and an update struck before it took effect changes nothing", async (t) => {
    const standIn = await aStandIn(t, { scripts: [{ initiateAfterMs: 60_000 }] });
    const { calls } = sdk(standIn);
    const { sid } = await calls.create(params);
    await standIn.setFaults([
      { on: "fetch", kind: "error", status: 500, to: number(1) },
      { on: "list", kind: "hang", times: 1 },
      { on: "update", kind: "reset" },
    ]);
    assert.equal((await errorOf(calls(sid).fetch())).code, 20500);
    assert.equal((await errorOf(sdk(standIn, HASTY_MS).calls.list())).code, "ECONNABORTED");
    assert.equal((await calls.list()).length, 1);
    assert.equal((await errorOf(calls(sid).update({ status: "canceled" }))).code, "ECONNRESET");
    assert.equal((await standIn.report()).liveNow, 1);
    await standIn.setFaults([{ on: "update", kind: "reset", at: "after" }]);
    await errorOf(calls(sid).update({ status: "canceled" }));
    const report = await standIn.report();
    assert.equal(report.liveNow, 0);
    assert.deepEqual(report.requests, { fetch: 1, list: 2, update: 2 });
  });
});

describe("whom and when a fault strikes", () => {
  const busy = { on: "create", kind: "error", status: 503 } as const;

  async function outcomes(t: Parameters<typeof aStandIn>[0], faults: Fault[], numbers: number[], seed = 1) {
    const standIn = await aStandIn(t, { faults, seed });
    const { calls } = sdk(standIn);
    const seen: boolean[] = [];
    for (const n of numbers) {
      const struck = await calls.create({ ...params, to: number(n) }).then(
        () => false,
        (error: SdkError) => error.status === 503,
      );
      seen.push(struck);
    }
    await quiet(standIn);
    return seen;
  }

  it("by number, by last digits, by caller id", async (t) => {
    assert.deepEqual(await outcomes(t, [{ ...busy, to: number(2) }], [1, 2, 3]), [false, true, false]);
    assert.deepEqual(await outcomes(t, [{ ...busy, lastDigits: "7" }], [7, 8, 17]), [true, false, true]);
    assert.deepEqual(await outcomes(t, [{ ...busy, from: "+97235550199" }], [1]), [false]);
  });

  it("the nth request, the nth of each number, so many times", async (t) => {
    assert.deepEqual(await outcomes(t, [{ ...busy, nth: [2, 3] }], [1, 1, 2, 2]), [false, true, true, false]);
    assert.deepEqual(await outcomes(t, [{ ...busy, nthOfTo: 1 }], [1, 1, 2, 2]), [true, false, true, false]);
    assert.deepEqual(await outcomes(t, [{ ...busy, times: 2 }], [1, 2, 3]), [true, true, false]);
  });

  it("a share of requests, the same ones for the same seed", async (t) => {
    const numbers = Array.from({ length: 60 }, (_, n) => n);
    const rare = [{ ...busy, rate: 0.3 }];
    const first = await outcomes(t, rare, numbers, 5);
    const reversed = await outcomes(t, rare, numbers.toReversed(), 5);
    assert.deepEqual(reversed.toReversed(), first);
    assert.notDeepEqual(await outcomes(t, rare, numbers, 6), first);
    const share = first.filter(Boolean).length / first.length;
    assert.ok(share > 0.1 && share < 0.5, String(share));
  });

  it("uses up only the rule that strikes, although every rule counts the request", async (t) => {
    const first = { ...busy, status: 500, to: number(1), times: 1 };
    assert.deepEqual(await outcomes(t, [first, { ...busy, times: 1 }], [1, 1, 1]), [false, true, false]);
    assert.deepEqual(await outcomes(t, [first, { ...busy, nth: 2 }], [1, 1, 1]), [false, true, false]);
  });

  it("refuses faults that do not exist", async (t) => {
    const standIn = await aStandIn(t);
    await assert.rejects(standIn.setFaults([{ on: "create", kind: "drop" } as unknown as Fault]), /no such fault/);
    await assert.rejects(standIn.setFaults([{ on: "create", kind: "error" }]), /needs a status/);
  });
});
