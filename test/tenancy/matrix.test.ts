// Every route of the app x every kind of caller: who is not let in changes nothing, and learns nothing.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { answerOf, SECRET, type Answer } from "../api/harness.ts";
import { aBusiness, aJob, aLead, aList, aRun } from "../api/rows.ts";
import { freshDatabase } from "../api/support.ts";
import { signToken } from "../../src/api/token.ts";
import { SignJWT } from "jose";
import { aRealApi, digestOf } from "./realApi.ts";
import { ROUTES, type Own, type Route } from "./routes.ts";

const db = await freshDatabase({ after });
const { app, security } = aRealApi(db, { after });
const MISSING = 2_000_000_000;
let numbers = 0;

async function aTenant() {
  const { id: business } = await aBusiness(db);
  const list = (await aList(db, business)).id;
  const aNumber = () => `+97250${2_000_000 + numbers++}`;
  const lead = (await aLead(db, business, { source: "imported_outbound", outboundListId: list, phoneE164: aNumber() }))
    .id;
  const run = await aRun(db, business);
  await aJob(db, run);
  const failed = await aRun(db, business, { status: "failed", endedAt: new Date(0), completedAt: new Date(0) });
  await aJob(db, failed, { toNumber: aNumber() });
  const over = { startedAt: new Date(0), endedAt: new Date(0), completedAt: new Date(0) };
  const counts = { queuedCount: 0, cancelledCount: 1, cursorPosition: 1 };
  const stopped = await aRun(db, business, { status: "stopped", ...counts, ...over });
  const uncalled = (await aLead(db, business, { phoneE164: aNumber() })).id;
  await aJob(db, stopped, { leadId: uncalled, status: "cancelled", completedAt: new Date(0) });
  const own: Own = { run: run.id, failedRun: failed.id, stoppedRun: stopped.id, list, lead };
  return { business, own };
}

const tokenFor = (business: number | undefined, role: "owner" | "admin" | "agent" | "system_admin" = "owner") =>
  signToken({ secret: SECRET, sub: "7", role, businessId: business });

async function ask(key: string, route: Route, id: number, token: string | undefined, query = ""): Promise<Answer> {
  const path = route.path(id);
  const cut = new AbortController();
  if (route.impatient) cut.abort();
  const response = await app.request(path + (query && (path.includes("?") ? "&" : "?") + query), {
    method: key.split(" ")[0]!,
    headers: {
      "accept-language": "en",
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(route.body && { "content-type": "application/json" }),
    },
    ...(route.body && { body: JSON.stringify(route.body(id)) }),
    signal: cut.signal,
  });
  if (!route.stream || response.status !== 200) return await answerOf(response);
  await response.body?.cancel();
  cut.abort();
  return { status: response.status, headers: response.headers, text: "", json: undefined };
}

/** The answer is a problem of that status and code, and nothing in the database moved. */
async function refuses(status: number, code: string | RegExp, asked: () => Promise<Answer>): Promise<Answer> {
  const before = await digestOf(db);
  const answer = await asked();
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers.get("content-type") ?? "", /^application\/problem\+json/);
  if (typeof code === "string") assert.equal(answer.json.code, code);
  else assert.match(answer.json.code, code);
  assert.equal(await digestOf(db), before, "the database is unchanged");
  return answer;
}

const routes = [...new Set(app.routes.filter((r) => r.method !== "ALL").map((r) => `${r.method} ${r.path}`))];

describe("the routes", () => {
  it("are all known to this matrix", () => {
    assert.deepEqual(
      routes.filter((route) => !ROUTES[route]),
      [],
    );
    assert.ok(routes.length > 20);
  });
});

for (const key of routes) {
  const route = ROUTES[key];
  if (!route) continue;
  describe(key, () => {
    if (route.open) {
      it("needs no token", async () => {
        const { status } = await ask(key, route, 0, undefined);
        // Ready or not depends on a listening connection that may still be opening; either way nobody asks who you are.
        assert.ok(status === route.ok || (key === "GET /readyz" && status === 503), String(status));
      });
      return;
    }

    it("is closed without a good token, role and page", async () => {
      const { business, own } = await aTenant();
      const id = own[route.names ?? "run"];
      const claims = { business_id: business, role: "owner", pages: ["leads"] };
      const pageless = await new SignJWT(claims)
        .setProtectedHeader({ alg: "HS256" })
        .setSubject("7")
        .setExpirationTime("1m")
        .sign(new TextEncoder().encode(SECRET));
      const forged = await signToken({ secret: "x".repeat(40), sub: "7", role: "owner", businessId: business });
      await refuses(401, "auth.token_missing", () => ask(key, route, id, undefined));
      await refuses(401, "auth.token_invalid", () => ask(key, route, id, forged));
      await refuses(403, "auth.page_missing", () => ask(key, route, id, pageless));
      const agent = await tokenFor(business, "agent");
      if (route.managers) await refuses(403, "auth.role_missing", () => ask(key, route, id, agent));
      else assert.equal((await ask(key, route, id, agent)).status, route.ok);
    });

    if (route.names)
      it("answers another business's id like one that is missing, to the byte, with a line for each", async () => {
        const [mine, theirs] = [await aTenant(), await aTenant()];
        const token = await tokenFor(mine.business);
        const before = security().length;
        const foreign = await refuses(404, /\.not_found$/, () => ask(key, route, theirs.own[route.names!], token));
        const missing = await refuses(404, /\.not_found$/, () => ask(key, route, MISSING, token));
        assert.equal(foreign.text, missing.text);
        assert.deepEqual(Object.fromEntries(foreign.headers), Object.fromEntries(missing.headers));
        const [one, two, ...more] = security().slice(before);
        assert.deepEqual(
          [one?.level, one?.message, Object.keys(one?.fields ?? {})],
          [two?.level, two?.message, Object.keys(two?.fields ?? {})],
        );
        assert.deepEqual([one !== undefined, more], [true, []]);
      });

    it("serves its owner, and a system_admin through that business's door", async () => {
      for (const role of ["owner", "system_admin"] as const) {
        const { business, own } = await aTenant();
        const token = await tokenFor(role === "owner" ? business : undefined, role);
        const id = own[route.names ?? "run"];
        const byRun = key.includes(":run_id") || key.endsWith("/stop-queue");
        if (role === "system_admin" && !byRun) {
          await refuses(400, "business.required", () => ask(key, route, id, token));
          await refuses(404, "business.not_found", () => ask(key, route, id, token, `business_id=${MISSING}`));
        }
        const answer = await ask(key, route, id, token, role === "owner" || byRun ? "" : `business_id=${business}`);
        assert.equal(answer.status, route.ok, `${role}: ${answer.text}`);
      }
    });
  });
}

describe("a token of a business that does not exist", () => {
  it("finds nothing, and breaks nothing", async () => {
    const token = await tokenFor(MISSING);
    for (const key of routes) {
      const route = ROUTES[key];
      if (!route || route.open) continue;
      const { status, text } = await ask(key, route, 1, token);
      assert.ok(status < 500, `${key}: ${status} ${text}`);
    }
  });
});
