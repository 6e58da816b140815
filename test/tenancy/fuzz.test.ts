// Thousands of bent requests: none is a 5xx, each error is a problem with a known code, and what was refused changed
// nothing. FULL=1: many more. SEED=n: another set.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { openApiDocument } from "../../src/api/openapi.ts";
import { PROBLEMS } from "../../src/api/messages.ts";
import type { Role } from "../../src/api/auth.ts";
import { signToken } from "../../src/api/token.ts";
import { conformance } from "../api/conformance.ts";
import { SECRET } from "../api/harness.ts";
import { aBusiness, aJob, aLead, aList, aRun } from "../api/rows.ts";
import { freshDatabase } from "../api/support.ts";
import { seeded } from "../support/random.ts";
import { sized } from "../support/sizes.ts";
import { makeRequest, operationsOf, type Ids } from "./fuzz.ts";
import { aRealApi, digestOf } from "./realApi.ts";

const SEED = Number(process.env["SEED"] ?? 6);
const REQUESTS = sized(1_200, 20_000);
/** Fresh rows now and then: stopped runs and deleted leads make dull targets. */
const REFRESH = 100;

const db = await freshDatabase({ after });
const { app, lines } = aRealApi(db, { after });

async function someRows(business: number, n: number): Promise<Ids> {
  const run = await aRun(db, business);
  await aJob(db, run, { toNumber: `+97250${2_000_000 + n}` });
  const list = await aList(db, business);
  const leads = [1, 2, 3, 4, 5].map((k) =>
    aLead(db, business, {
      source: "imported_outbound",
      outboundListId: list.id,
      phoneE164: `+97254${2_000_000 + 10 * n + k}`,
    }),
  );
  return { run: [run.id], list: [list.id], lead: (await Promise.all(leads)).map((lead) => lead.id) };
}

/** Mostly the caller's. */
const mix = (own: readonly number[], foreign: readonly number[]) => [
  ...own,
  ...own,
  ...own,
  ...own,
  foreign[0]!,
  2_000_000_000,
];

describe(`${REQUESTS} bent requests (SEED=${SEED})`, () => {
  it("are answered or refused, never failed", async () => {
    const random = seeded(SEED);
    const operations = await operationsOf(app);
    const spec = conformance(await openApiDocument());
    assert.ok(operations.length > 20);
    const [mine, theirs] = [(await aBusiness(db)).id, (await aBusiness(db)).id];
    const tokenOf = (role: Role, businessId?: number) => signToken({ secret: SECRET, sub: "7", role, businessId });
    const [owner, agent] = [await tokenOf("owner", mine), await tokenOf("agent", mine)];
    // Only to look: it may change any business's runs, and the other business's must stay as they are.
    const admin = await tokenOf("system_admin");
    const foreign = await digestable(theirs);
    let ids = foreign;
    let last = "";
    const seen = new Map<number, number>();
    for (let n = 0; n < REQUESTS; n++) {
      if (n % REFRESH === 0) {
        const own = await someRows(mine, n);
        ids = { run: mix(own.run, foreign.run), list: mix(own.list, foreign.list), lead: mix(own.lead, foreign.lead) };
        last = await digestOf(db);
      }
      const made = makeRequest(random, operations, ids);
      const token =
        random.below(10) < 8 ? owner : random.pick(made.method === "GET" ? [owner, agent, admin] : [owner, agent]);
      const cut = new AbortController();
      // "Call now" waits for a carrier, and there is none here.
      if (made.path.includes("/start")) cut.abort();
      const response = await app.request(made.path, {
        method: made.method,
        headers: { authorization: `Bearer ${token}`, ...made.headers },
        ...(made.body !== undefined && made.method !== "GET" && { body: made.body }),
        signal: cut.signal,
      });
      const what = `request ${n}: ${made.method} ${made.path} ${made.body?.slice(0, 200)}`;
      seen.set(response.status, (seen.get(response.status) ?? 0) + 1);
      if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
        await response.body?.cancel();
        continue;
      }
      const text = await response.text();
      const operation = spec.operations.find(({ method, path }) => method === made.method && path === made.route);
      assert.ok(operation, what);
      spec.check(operation, { status: response.status, headers: response.headers, text });
      assert.ok(
        response.status < 500,
        `${what}: ${response.status} ${text}\n${JSON.stringify(lines.findLast((l) => l.level === "error"))}`,
      );
      if (response.status < 400) {
        if (made.method !== "GET") last = await digestOf(db);
        continue;
      }
      const problem = JSON.parse(text) as { code: string; status: number; error: string };
      assert.match(response.headers.get("content-type") ?? "", /^application\/problem\+json/, what);
      assert.ok(problem.code in PROBLEMS && problem.status === response.status && problem.error, `${what}: ${text}`);
      assert.equal(await digestOf(db), last, `${what}: refused (${problem.code}), and yet something changed`);
    }
    // Not everything may be refused at the door: then nothing would be tested behind it.
    assert.ok((seen.get(200) ?? 0) > REQUESTS / 10, JSON.stringify([...seen]));
    assert.ok((seen.get(201) ?? 0) > 0, JSON.stringify([...seen]));
    assert.deepEqual(await stateOf(theirs), before.get(theirs), "the other business was never touched");
    assert.deepEqual(
      lines.filter((line) => line.level === "error"),
      [],
    );
  });
});

const before = new Map<number, unknown>();
async function digestable(business: number): Promise<Ids> {
  const ids = await someRows(business, 90_000);
  before.set(business, await stateOf(business));
  return ids;
}

async function stateOf(business: number): Promise<unknown> {
  const { rows } = await db.execute(
    `select 'run' as of, r::text from outbound_call_runs r where business_id = ${business} union all
     select 'job', j::text from outbound_call_jobs j where business_id = ${business} union all
     select 'lead', l::text from leads l where tenant_id = ${business} order by 1, 2`,
  );
  return rows;
}
