// Tokens, good and bad.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, describe, it } from "node:test";
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from "jose";
import { authenticator } from "../../src/api/auth.ts";
import { signToken } from "../../src/api/token.ts";
import { anApi, answerOf, as, SECRET } from "./harness.ts";
import { aBusiness } from "./rows.ts";
import { freshDatabase } from "./support.ts";

const db = await freshDatabase({ after });
const shop = await aBusiness(db);
const key = (secret: string) => new TextEncoder().encode(secret);
const now = () => Math.floor(Date.now() / 1000);

const GOOD = { sub: "7", business_id: shop.id, role: "owner", pages: ["calls_outbound"] };

const sign = (claims: JWTPayload, header: { alg?: string; typ?: string } = {}, secret = SECRET) =>
  new SignJWT({ exp: now() + 60, ...claims }).setProtectedHeader({ alg: "HS256", ...header }).sign(key(secret));
const without = (claim: string) => Object.fromEntries(Object.entries(GOOD).filter(([name]) => name !== claim));

describe("tokens", () => {
  const { app } = anApi(db);
  const ask = async (authorization: string | undefined) =>
    await answerOf(
      await app.request("/api/outbound/runs", { headers: authorization === undefined ? {} : { authorization } }),
    );

  const good: [string, () => Promise<string>][] = [
    ["plain", () => sign(GOOD)],
    ["typ JWT", () => sign(GOOD, { typ: "JWT" })],
    ["typ at+jwt", () => sign(GOOD, { typ: "at+jwt" })],
    ["a numeric sub, as old tokens have it", () => sign({ ...GOOD, sub: 7 as unknown as string })],
    ["a sub that is no number", () => sign({ ...GOOD, sub: "auth0|abc" })],
    ["expired within the clock tolerance", () => sign({ ...GOOD, exp: now() - 5 })],
    ["an agent", () => sign({ ...GOOD, role: "agent" })],
    ["make token", () => signToken({ secret: SECRET, sub: "7", role: "owner", businessId: shop.id })],
  ];
  for (const [name, token] of good)
    it(`lets in: ${name}`, async () => assert.equal((await ask(`Bearer ${await token()}`)).status, 200));

  const bad: [string, number, string, () => Promise<string | undefined> | string | undefined][] = [
    ["no header", 401, "auth.token_missing", () => undefined],
    ["another scheme", 401, "auth.token_missing", () => "Basic eDp5"],
    ["no token", 401, "auth.token_missing", () => "Bearer "],
    ["two tokens", 401, "auth.token_missing", () => "Bearer a b"],
    ["garbage", 401, "auth.token_invalid", () => "Bearer x"],
    ["three empty parts", 401, "auth.token_invalid", () => "Bearer .."],
    ["another secret", 401, "auth.token_invalid", async () => `Bearer ${await sign(GOOD, {}, "x".repeat(40))}`],
    ["alg none", 401, "auth.token_invalid", () => `Bearer ${new UnsecuredJWT({ ...GOOD, exp: now() + 60 }).encode()}`],
    [
      "another HMAC",
      401,
      "auth.token_invalid",
      async () => `Bearer ${await sign(GOOD, { alg: "HS512" }, SECRET.padEnd(64, "x"))}`,
    ],
    ["a changed payload", 401, "auth.token_invalid", async () => `Bearer ${(await sign(GOOD)).replace(/\.e/, ".f")}`],
    ...[7, null, ["JWT"], { jwt: 1 }].map((typ): [string, number, string, () => Promise<string>] => [
      `typ ${JSON.stringify(typ)}`,
      401,
      "auth.token_invalid",
      async () => `Bearer ${await sign(GOOD, { typ: typ as unknown as string })}`,
    ]),
    ["another typ", 401, "auth.token_invalid", async () => `Bearer ${await sign(GOOD, { typ: "logout+jwt" })}`],
    ["expired", 401, "auth.token_expired", async () => `Bearer ${await sign({ ...GOOD, exp: now() - 61 })}`],
    ["not yet valid", 401, "auth.token_invalid", async () => `Bearer ${await sign({ ...GOOD, nbf: now() + 90 })}`],
    [
      "no exp",
      401,
      "auth.token_invalid",
      async () => `Bearer ${await new SignJWT(GOOD).setProtectedHeader({ alg: "HS256" }).sign(key(SECRET))}`,
    ],
    ["no sub", 401, "auth.token_invalid", async () => `Bearer ${await sign(without("sub"))}`],
    ["an empty sub", 401, "auth.token_invalid", async () => `Bearer ${await sign({ ...GOOD, sub: "" })}`],
    ["a NUL in sub", 401, "auth.token_invalid", async () => `Bearer ${await sign({ ...GOOD, sub: "a\0" })}`],
    ["a long sub", 401, "auth.token_invalid", async () => `Bearer ${await sign({ ...GOOD, sub: "a".repeat(129) })}`],
    ["no business", 401, "auth.token_invalid", async () => `Bearer ${await sign(without("business_id"))}`],
    ...[0, -1, 1.5, 2_147_483_648, "1", null, [1], true].map(
      (business_id): [string, number, string, () => Promise<string>] => [
        `business ${JSON.stringify(business_id)}`,
        401,
        "auth.token_invalid",
        async () => `Bearer ${await sign({ ...GOOD, business_id })}`,
      ],
    ),
    ["no role", 403, "auth.role_missing", async () => `Bearer ${await sign(without("role"))}`],
    ["an unknown role", 403, "auth.role_missing", async () => `Bearer ${await sign({ ...GOOD, role: "root" })}`],
    [
      "a role from a prototype",
      403,
      "auth.role_missing",
      async () => `Bearer ${await sign({ ...GOOD, role: "length" })}`,
    ],
    ["no pages", 403, "auth.page_missing", async () => `Bearer ${await sign(without("pages"))}`],
    ["other pages", 403, "auth.page_missing", async () => `Bearer ${await sign({ ...GOOD, pages: ["leads"] })}`],
    [
      "pages as text",
      403,
      "auth.page_missing",
      async () => `Bearer ${await sign({ ...GOOD, pages: "calls_outbound" })}`,
    ],
  ];
  for (const [name, status, code, header] of bad)
    it(`refuses: ${name}`, async () => {
      const answer = await ask(await header());
      assert.deepEqual([answer.status, answer.json.code], [status, code]);
      assert.match(answer.headers.get("content-type") ?? "", /^application\/problem\+json/);
      assert.equal(answer.headers.has("www-authenticate"), status === 401);
    });

  it("speaks the caller's language", async () => {
    const said = async (language: string | undefined) => {
      const headers = language === undefined ? undefined : { "accept-language": language };
      return (await answerOf(await app.request("/api/x", { ...(headers && { headers }) }))).json.error as string;
    };
    const [he, en] = ["יש להתחבר למערכת.", "Please sign in."];
    const rows: [string | undefined, string][] = [
      [undefined, he],
      ["en", en],
      ["en-GB,en;q=0.9", en],
      ["he-IL,he;q=0.9,en;q=0.8", he],
      ["iw", he],
      ["fr, en;q=0.5, he;q=0.4", en],
      ["en;q=0, he;q=0.1", he],
      ["fr", he],
      ["*", he],
      [";;;q=,", he],
    ];
    for (const [language, words] of rows) assert.equal(await said(language), words, language ?? "none");
  });

  it("an agent may not import or change settings", async () => {
    const agent = await as(app, { business: shop.id, role: "agent" });
    assert.equal((await agent.get("/api/outbound/settings")).status, 200);
    assert.equal((await agent.put("/api/outbound/settings", {})).json.code, "auth.role_missing");
    assert.equal((await agent.post("/api/outbound/import-leads", { rows: [] })).json.code, "auth.role_missing");
    for (const role of ["owner", "admin"] as const)
      assert.equal((await (await as(app, { business: shop.id, role })).put("/api/outbound/settings", {})).status, 200);
  });
});

describe("issuer and audience", () => {
  const options = { secret: SECRET, jwksUrl: undefined, issuer: "crm", audience: "calls" };
  const check = authenticator(options);
  it("are checked when configured", async () => {
    const right = await signToken({
      secret: SECRET,
      sub: "7",
      role: "owner",
      businessId: 1,
      issuer: "crm",
      audience: "calls",
    });
    assert.partialDeepStrictEqual(await check(`Bearer ${right}`), { sub: "7", role: "owner", businessId: 1 });
    for (const claims of [{}, { iss: "crm" }, { aud: "calls" }, { iss: "x", aud: "calls" }, { iss: "crm", aud: "x" }])
      await assert.rejects(check(`Bearer ${await sign({ ...GOOD, ...claims })}`), { code: "auth.token_invalid" });
  });
});

describe("keys from a JWKS", () => {
  it("takes RS256 and ES256, and never a token signed with the public key as a secret", async (t) => {
    const [rsa, ec, ps] = await Promise.all([
      generateKeyPair("RS256"),
      generateKeyPair("ES256"),
      generateKeyPair("PS256"),
    ]);
    const keys = [
      { ...(await exportJWK(rsa.publicKey)), kid: "r", alg: "RS256" },
      { ...(await exportJWK(ec.publicKey)), kid: "e", alg: "ES256" },
      { ...(await exportJWK(ps.publicKey)), kid: "p" },
    ];
    let up = true;
    const server = createServer((_, response) => {
      response.writeHead(up ? 200 : 500, { "content-type": "application/json" }).end(JSON.stringify({ keys }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    const options = { secret: undefined, jwksUrl, issuer: undefined, audience: undefined };
    const check = authenticator(options);
    const token = (alg: string, kid: string, signer: Parameters<SignJWT["sign"]>[0]) =>
      new SignJWT({ ...GOOD, exp: now() + 60 }).setProtectedHeader({ alg, kid }).sign(signer);
    for (const [alg, kid, pair] of [
      ["RS256", "r", rsa],
      ["ES256", "e", ec],
    ] as const)
      assert.equal((await check(`Bearer ${await token(alg, kid, pair.privateKey)}`)).sub, "7");
    const confused = await token("HS256", "r", key(JSON.stringify(keys[0])));
    await assert.rejects(check(`Bearer ${confused}`), { code: "auth.token_invalid" });
    await assert.rejects(check(`Bearer ${await token("PS256", "p", ps.privateKey)}`), { code: "auth.token_invalid" });
    await assert.rejects(check(`Bearer ${await token("RS256", "gone", rsa.privateKey)}`), {
      code: "auth.token_invalid",
    });
    up = false;
    const dark = authenticator(options);
    await assert.rejects(dark(`Bearer ${await token("RS256", "r", rsa.privateKey)}`), {
      code: "auth.keys_unavailable",
    });
  });
});
