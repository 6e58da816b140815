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

/** The count must not begin anew in the middle of a test. */
async function awayFromTheMinute() {
  const { rows } = await db.execute<{ s: number }>("select 60 - extract(epoch from clock_timestamp())::int % 60 as s");
  if ((rows[0]?.s ?? 60) < 5) await new Promise((resolve) => setTimeout(resolve, (rows[0]!.s + 1) * 1_000));
}

describe("the request limit", () => {
  it("is one over all processes, and another business's is its own", async () => {
    await awayFromTheMinute();
    const [shop, other] = [await aBusiness(db), await aBusiness(db)];
    const callers = await Promise.all([1, 2, 3].map(() => as(aProcess(40), { business: shop.id })));
    const asks = Array.from({ length: 60 }, (_, n) => callers[n % 3]!.get("/api/outbound/settings"));
    const answers = await Promise.all(asks);
    assert.equal(answers.filter(({ status }) => status === 200).length, 40);
    const refused = answers.filter(({ status }) => status !== 200);
    for (const { status, json, headers } of refused) {
      assert.deepEqual([status, json.code], [429, "request.too_many"]);
      assert.ok(Number(headers.get("retry-after")) >= 1 && Number(headers.get("retry-after")) <= 60);
      assert.match(headers.get("ratelimit") ?? "", /^"business";r=0;t=\d+$/);
    }
    const fine = await (await as(aProcess(40), { business: other.id })).get("/api/outbound/settings");
    assert.equal(fine.status, 200);
    assert.equal(fine.headers.get("ratelimit-policy"), '"business";q=40;w=60');
    assert.equal(fine.headers.get("ratelimit"), '"business";r=38');
  });

  it("begins anew with the next window", async () => {
    await awayFromTheMinute();
    const shop = await aBusiness(db);
    const before = await as(aProcess(1), { business: shop.id });
    assert.equal((await before.get("/api/outbound/settings")).status, 200);
    assert.equal((await before.get("/api/outbound/settings")).status, 429);
    await db.execute(`update outbound_request_counts set window_no = window_no - 1 where business_id = ${shop.id}`);
    const next = await as(aProcess(1), { business: shop.id });
    assert.equal((await next.get("/api/outbound/settings")).status, 200);
  });

  it("writes the shared row once for many requests, and none for those it refuses", async () => {
    await awayFromTheMinute();
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
