// The limit of requests: one count over all processes, said in headers, and cheap.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { openDatabase } from "../../db/client.ts";
import { anApi, as } from "./harness.ts";
import { aBusiness } from "./rows.ts";
import { freshDatabase } from "./support.ts";

const db = await freshDatabase({ after });
const { config } = anApi(db).deps;
/** One API process: it has its own memory, and shares the database. */
const aProcess = (requestsPerMinute: number, on = db) =>
  anApi(on, { deps: { config: { ...config, requestsPerMinute } } }).app;

/** As if so many steps of five seconds had gone by since the last request. */
const stepsLater = (steps: number, business: number) =>
  db.execute(`update outbound_request_counts set window_no = window_no - ${steps} where business_id = ${business}`);

describe("the request limit", () => {
  it("is one over all processes, and another business's is its own", async () => {
    const [shop, other] = [await aBusiness(db), await aBusiness(db)];
    const callers = await Promise.all([1, 2, 3].map(() => as(aProcess(40), { business: shop.id })));
    const asks = Array.from({ length: 60 }, (_, n) => callers[n % 3]!.get("/api/outbound/settings"));
    const answers = await Promise.all(asks);
    assert.equal(answers.filter(({ status }) => status === 200).length, 40);
    const refused = answers.filter(({ status }) => status !== 200);
    for (const { status, json, headers } of refused) {
      assert.deepEqual([status, json.code], [429, "request.too_many"]);
      assert.ok(Number(headers.get("retry-after")) >= 1 && Number(headers.get("retry-after")) <= 65);
      assert.match(headers.get("ratelimit") ?? "", /^"business";r=0;t=\d+$/);
    }
    const fine = await (await as(aProcess(40), { business: other.id })).get("/api/outbound/settings");
    assert.equal(fine.status, 200);
    assert.equal(fine.headers.get("ratelimit-policy"), '"business";q=40;w=60');
    assert.equal(fine.headers.get("ratelimit"), '"business";r=38');
  });

  it("looks at the last minute, wherever the full minute stands: what is let in now is missing for a minute", async () => {
    const shop = await aBusiness(db);
    const burst = async (asks: number) => {
      // One that remembers nothing, like a client's next API process.
      const me = await as(aProcess(10), { business: shop.id });
      const answers = await Promise.all(Array.from({ length: asks }, () => me.get("/api/outbound/settings")));
      return answers.filter(({ status }) => status === 200).length;
    };
    assert.equal(await burst(6), 6);
    await stepsLater(4, shop.id);
    assert.equal(await burst(6), 4);
    await stepsLater(6, shop.id);
    assert.equal(await burst(6), 0);
    await stepsLater(3, shop.id);
    assert.equal(await burst(20), 6, "the first six are over, the next four are not");
    await stepsLater(4, shop.id);
    assert.equal(await burst(20), 4);
    await stepsLater(1_000, shop.id);
    assert.equal(await burst(20), 10);
    await stepsLater(-1_000, shop.id);
    assert.equal(await burst(20), 10, "a clock that was set back shuts nobody out");
  });

  it("says when there is room again", async () => {
    const shop = await aBusiness(db);
    const ask = async () => (await as(aProcess(10), { business: shop.id })).get("/api/outbound/settings");
    for (let n = 0; n < 10; n++) {
      if (n === 2) await stepsLater(9, shop.id);
      assert.equal((await ask()).status, 200);
    }
    // The two oldest were made nine steps ago, and leave the minute in four.
    const seconds = Number((await ask()).headers.get("retry-after"));
    assert.ok(seconds > 12 && seconds <= 20, String(seconds));
  });

  it("writes the shared row once for many requests, and none for those it refuses", async () => {
    const shop = await aBusiness(db);
    let leases = 0;
    const counted = openDatabase({ url: db.$client.options.connectionString!, name: "counted", max: 2 });
    after(() => counted.$client.end());
    const query = counted.$client.query.bind(counted.$client) as (...args: unknown[]) => unknown;
    Object.assign(counted.$client, {
      query: (...args: unknown[]) => {
        if (JSON.stringify(args[0]).includes("outbound_request_counts")) leases++;
        return query(...args);
      },
    });
    const me = await as(aProcess(100, counted), { business: shop.id });
    for (let n = 0; n < 130; n++) assert.equal((await me.get("/api/outbound/settings")).status, n < 100 ? 200 : 429);
    assert.equal(leases, 20);
  });

  it("limits nobody who is not let in, and lets a request without a database speak for itself", async () => {
    const gone = openDatabase({ url: "postgres://nobody@127.0.0.1:1/none", name: "test" });
    after(() => gone.$client.end());
    const answer = await (await as(aProcess(10, gone), { business: 1 })).get("/api/outbound/settings");
    assert.deepEqual([answer.status, answer.json.code], [503, "database.unavailable"]);
    const stranger = await aProcess(10).request("/api/outbound/settings");
    assert.equal(stranger.headers.get("ratelimit"), null);
  });
});
