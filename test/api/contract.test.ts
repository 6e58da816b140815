// The contract as the CRM's page relies on it: each route and each way it can be refused, asked in Hebrew and in English.
// Fields are compared exactly, so that one too many fails as well as one too few.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { PROBLEMS } from "../../src/api/messages.ts";
import { aRealApi } from "../tenancy/realApi.ts";
import type { Case } from "./contract/case.ts";
import { CASES } from "./contract/cases.ts";
import { differences } from "./contract/shape.ts";
import { aShop } from "./contract/shop.ts";
import { answerOf, as, type Answer } from "./harness.ts";
import { freshDatabase } from "./support.ts";

const db = await freshDatabase({ after });
const { app } = aRealApi(db, { after });
const HEBREW = /[\u05d0-\u05ea]/;

const shared = await aShop(db);
/** A good answer other than to a look changes something. */
const changes = (one: Case) => one.before !== undefined || one.twice === true || (one.method !== "GET" && !one.code);

async function answerTo(one: Case, language: "he" | "en"): Promise<Answer> {
  const shop = changes(one) ? await aShop(db) : shared;
  await one.before?.(db, shop);
  const who = one.as === "system_admin" ? {} : { business: shop.id };
  const role = one.as === undefined || one.as === "nobody" ? "owner" : one.as;
  const me = await as(app, { ...who, role, language });
  const { method, path } = { ...one, path: one.path(shop) };
  const body = one.body?.(shop);
  if (one.as === "nobody") {
    const headers = { "accept-language": language, "content-type": "application/json" };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    return await answerOf(await app.request(path, { method, headers, ...sent }));
  }
  if (one.twice) await me.send(method, path, body);
  return await me.send(method, path, body);
}

const routeOf = ({ method, path }: Case) => {
  const nowhere = { id: 0, leads: [0], spare: 0, called: 0, list: 0, pending: 0, failed: 0, ended: 0, stopped: 0 };
  return `${method} ${path(nowhere)
    .replace(/\?.*/, "")
    .replace(/\/(\d+|x)(?=\/|$)/, "/:id")}`;
};

/** Not JSON: see events.test.ts and calls.test.ts. */
const OTHERS = ["GET /api/outbound/runs/:id/results.csv"];

describe("the contract", () => {
  it("has a row for every route", () => {
    const routes = app.routes.filter(({ method, path }) => method !== "ALL" && path.startsWith("/api/"));
    const all = routes.map(({ method, path }) => `${method} ${path.replace(/:\w+/, ":id")}`);
    assert.deepEqual([...new Set([...CASES.map(routeOf), ...OTHERS])].toSorted(), [...new Set(all)].toSorted());
  });

  for (const [route, cases] of Map.groupBy(CASES, routeOf))
    describe(route, () => {
      for (const one of cases)
        it(`${one.status}: ${one.name}`, async () => {
          for (const language of ["he", "en"] as const) {
            const { status, headers, text, json } = await answerTo(one, language);
            assert.equal(status, one.status, text);
            assert.deepEqual(differences(json, one.shape), [], text);
            if (one.says) assert.equal(json.message, one.says[language === "he" ? 0 : 1]);
            const type = one.code ? "application/problem+json" : "application/json";
            assert.equal(headers.get("content-type")?.split(";")[0], type);
            if (!one.code) continue;
            const { type: urn, status: told, code, error, detail } = json;
            assert.deepEqual([urn, told, code], [`urn:ringpost:problem:${one.code}`, one.status, one.code]);
            assert.deepEqual([error, detail], [PROBLEMS[one.code][language], PROBLEMS[one.code].en]);
            assert.deepEqual([HEBREW.test(error), headers.get("content-language")], [language === "he", language]);
          }
        });
    });
});
