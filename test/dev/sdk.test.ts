// The Calls API as Twilio's own SDK sees it: create, fetch, list, page, update, and refusals.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aStandIn, errorOf, FROM, number, quiet, sdk } from "./support.ts";

const url = "http://127.0.0.1:9/voice";
const twiml = "<Response/>";

describe("create and fetch", () => {
  it("gives Twilio's Call resource, from queued to completed", async (t) => {
    const standIn = await aStandIn(t, { scripts: [{ initiateAfterMs: 100 }] });
    const client = sdk(standIn);
    const before = Date.now();
    const created = await client.calls.create({ to: number(1), from: FROM, twiml });
    assert.match(created.sid, /^CA[0-9a-f]{32}$/);
    assert.equal(created.status, "queued");
    assert.equal(created.startTime, null);
    assert.equal(created.direction, "outbound-api");
    assert.equal(created.price, null);
    assert.equal(created.duration, null);
    // In whole seconds, of which the current one has begun before.
    const createdMs = created.dateCreated.getTime();
    assert.ok(createdMs > before - 1_000 && createdMs <= Date.now());
    assert.match(created.subresourceUris["recordings"] ?? "", /\/Recordings\.json$/);
    await quiet(standIn);
    const ended = await client.calls(created.sid).fetch();
    assert.equal(ended.status, "completed");
    assert.equal(ended.duration, "0");
    assert.ok(ended.startTime instanceof Date && ended.endTime instanceof Date);
    assert.equal((await standIn.calls())[0]?.twiml, twiml);
  });

  it("writes dates as RFC 2822", async (t) => {
    const standIn = await aStandIn(t);
    const { sid } = await sdk(standIn).calls.create({ to: number(1), from: FROM, twiml });
    const headers = { Authorization: `Basic ${btoa(`${standIn.accountSid}:${standIn.authToken}`)}` };
    const path = `${standIn.url}/2010-04-01/Accounts/${standIn.accountSid}/Calls/${sid}.json`;
    const resource = (await (await fetch(path, { headers })).json()) as Record<string, string>;
    assert.match(resource["date_created"] ?? "", /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000$/);
  });
});

describe("refusals", () => {
  it("answers with Twilio's codes", async (t) => {
    const { calls } = sdk(await aStandIn(t, { callerIds: [FROM] }));
    const good = { to: number(1), from: FROM, url };
    const code = async (params: Partial<Parameters<typeof calls.create>[0]>) => {
      const error = await errorOf(calls.create({ ...good, ...params }));
      return `${error.status}/${error.code}`;
    };
    assert.equal(await code({ from: "" }), "400/21213");
    assert.equal(await code({ to: "" }), "400/21201");
    assert.equal(await code({ url: "" }), "400/21205");
    assert.equal(await code({ url: "nowhere" }), "400/21205");
    assert.equal(await code({ to: "0501234567" }), "400/21211");
    assert.equal(await code({ from: "ringpost" }), "400/21212");
    assert.equal(await code({ from: "+97235550199" }), "400/21210");
    assert.equal(await code({ statusCallback: "nowhere" }), "400/21609");
    assert.equal(await code({ statusCallbackEvent: ["hungup"] }), "400/21626");
  });

  it("refuses a wrong password with 20003, and knows no call of another name", async (t) => {
    const standIn = await aStandIn(t);
    const stranger = sdk({ ...standIn, authToken: "wrong" });
    const refused = await errorOf(stranger.calls.create({ to: number(1), from: FROM, url }));
    assert.deepEqual([refused.status, refused.code], [401, 20003]);
    assert.match(refused.moreInfo ?? "", /docs\/errors\/20003/);
    const unknown = await errorOf(
      sdk(standIn)
        .calls(`CA${"0".repeat(32)}`)
        .fetch(),
    );
    assert.deepEqual([unknown.status, unknown.code], [404, 20404]);
    assert.equal((await standIn.report()).totalCreates, 0);
  });
});

describe("list", () => {
  it("filters by To, From, Status and StartTime", async (t) => {
    const standIn = await aStandIn(t, { scripts: [{ to: number(3), initiateAfterMs: 60_000 }] });
    const { calls } = sdk(standIn);
    for (const n of [1, 1, 2, 3]) await calls.create({ to: number(n), from: n === 2 ? "+97235550101" : FROM, twiml });
    await standIn.waitFor((report) => report.liveNow === 1);
    const count = async (filter: Parameters<typeof calls.list>[0]) => (await calls.list(filter)).length;
    const [hour, now] = [3_600_000, Date.now()];
    assert.equal(await count({}), 4);
    assert.equal(await count({ to: number(1) }), 2);
    assert.equal(await count({ to: number(1), from: FROM, startTimeAfter: new Date(now - hour), limit: 5 }), 2);
    assert.equal(await count({ to: number(1), limit: 1 }), 1);
    assert.equal(await count({ from: "+97235550101" }), 1);
    assert.equal(await count({ status: "queued" }), 1);
    assert.equal(await count({ status: "completed" }), 3);
    // The queued call has no start time yet.
    assert.equal(await count({ startTimeAfter: new Date(now - hour) }), 3);
    assert.equal(await count({ startTimeAfter: new Date(now + hour) }), 0);
    assert.equal(await count({ startTimeBefore: new Date(now + hour) }), 3);
    assert.equal(await count({ startTimeBefore: new Date(now - hour) }), 0);
    const newest = (await calls.list({ limit: 1 }))[0];
    assert.equal(newest?.to, number(3));
  });

  it("takes a date without a time as that day", async (t) => {
    const standIn = await aStandIn(t);
    await sdk(standIn).calls.create({ to: number(1), from: FROM, twiml });
    await quiet(standIn);
    const start = (await standIn.calls())[0]?.startMs ?? 0;
    const headers = { Authorization: `Basic ${btoa(`${standIn.accountSid}:${standIn.authToken}`)}` };
    const list = async (query: string) => {
      const path = `${standIn.url}/2010-04-01/Accounts/${standIn.accountSid}/Calls.json?${query}`;
      return ((await (await fetch(path, { headers })).json()) as { calls?: unknown[] }).calls?.length;
    };
    const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
    assert.equal(await list(`StartTime=${day(start)}`), 1);
    assert.equal(await list(`StartTime=${day(start - 86_400_000)}`), 0);
    assert.equal(await list(`StartTime>=${day(start)}`), 1);
    assert.equal(await list(`StartTime<=${day(start)}`), 0);
    assert.equal(await list("StartTime=soon"), undefined);
  });

  it("pages without gaps or repeats, also while calls are added", async (t) => {
    const standIn = await aStandIn(t);
    const { calls } = sdk(standIn);
    await Promise.all(Array.from({ length: 25 }, (_, n) => calls.create({ to: number(n), from: FROM, twiml })));
    const first = await calls.page({ pageSize: 10 });
    await calls.create({ to: number(99), from: FROM, twiml });
    const second = await first.nextPage();
    const third = await second?.nextPage();
    const pages = [first, second, third].map((page) => page?.instances ?? []);
    assert.deepEqual(
      pages.map((page) => page.length),
      [10, 10, 5],
    );
    assert.equal(new Set(pages.flat().map((call) => call.sid)).size, 25);
    assert.equal(await third?.nextPage(), undefined);
    let each = 0;
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error) => (error ? reject(error) : resolve());
      calls.each({ pageSize: 7, callback: () => (each += 1), done });
    });
    assert.equal(each, 26);
  });

  it("shows a new call late when told to lag, while fetching it works at once", async (t) => {
    const standIn = await aStandIn(t, { faults: [{ on: "listing", kind: "lag", ms: 60_000, to: number(1) }] });
    const { calls } = sdk(standIn);
    const hidden = await calls.create({ to: number(1), from: FROM, twiml });
    await calls.create({ to: number(2), from: FROM, twiml });
    assert.deepEqual(
      (await calls.list({})).map((call) => call.to),
      [number(2)],
    );
    assert.equal((await calls(hidden.sid).fetch()).to, number(1));
    const brief = await aStandIn(t, { listLagMs: 30 });
    const other = sdk(brief);
    await other.calls.create({ to: number(1), from: FROM, twiml });
    let listed = 0;
    while (listed === 0) listed = (await other.calls.list({ to: number(1) })).length;
    const created = (await brief.calls())[0]?.createdMs ?? Infinity;
    assert.ok(Date.now() - created >= 30);
  });
});

describe("update", () => {
  it("cancels queued and ringing calls, and completes answered ones", async (t) => {
    const scripts = [
      { to: number(1), initiateAfterMs: 60_000 },
      { to: number(2), answerAfterMs: 50_000 },
      { to: number(3), talkMs: 60_000 },
    ];
    const standIn = await aStandIn(t, { scripts });
    const { calls } = sdk(standIn);
    const [queued, ringing, talking] = await Promise.all(
      [1, 2, 3].map((n) => calls.create({ to: number(n), from: FROM, twiml })),
    );
    await standIn.waitForEvent((event) => event.kind === "call.ringing" && event.to === number(2));
    await standIn.waitForEvent((event) => event.kind === "call.answered" && event.to === number(3));
    assert.equal((await calls(queued!.sid).update({ status: "canceled" })).status, "canceled");
    assert.equal((await calls(ringing!.sid).update({ status: "canceled" })).status, "canceled");
    const tooLate = await errorOf(calls(talking!.sid).update({ status: "canceled" }));
    assert.deepEqual([tooLate.status, tooLate.code], [400, 21220]);
    assert.equal((await calls(talking!.sid).update({ status: "completed" })).status, "completed");
    const again = await errorOf(calls(talking!.sid).update({ status: "completed" }));
    assert.equal(again.code, 21220);
    const report = await standIn.report();
    assert.equal(report.liveNow, 0);
    assert.deepEqual([report.endedByStatus.canceled, report.endedByStatus.completed], [2, 1]);
  });
});
