// Bad tokens where the keys are public: everything that has ever been tried on a verifier, against a real key server.
import assert from "node:assert/strict";
import { createHmac, createPublicKey } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, describe, it } from "node:test";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from "jose";
import { authenticator } from "../../src/api/auth.ts";

const [rsa, ec, otherRsa, otherEc, p384, ps, ed] = await Promise.all([
  generateKeyPair("RS256", { extractable: true }),
  generateKeyPair("ES256"),
  generateKeyPair("RS256"),
  generateKeyPair("ES256"),
  generateKeyPair("ES384"),
  generateKeyPair("PS256"),
  generateKeyPair("EdDSA"),
]);
const OCT = Buffer.from("a symmetric key that somebody published").toString("base64url");
const keys = [
  { ...(await exportJWK(rsa.publicKey)), kid: "r", alg: "RS256", use: "sig" },
  { ...(await exportJWK(ec.publicKey)), kid: "e", alg: "ES256" },
  { ...(await exportJWK(p384.publicKey)), kid: "p384" },
  { ...(await exportJWK(ps.publicKey)), kid: "ps" },
  { ...(await exportJWK(ed.publicKey)), kid: "ed" },
  { kty: "oct", k: OCT, kid: "oct" },
  { ...(await exportJWK(otherRsa.publicKey)), kid: "enc", use: "enc" },
];
const server = createServer((_, response) => {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys }));
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
after(() => {
  server.closeAllConnections();
  server.close();
});
const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
const check = authenticator({ secret: undefined, jwksUrl, issuer: "https://crm.example.test", audience: "calls" });

const now = () => Math.floor(Date.now() / 1_000);
const good = (): JWTPayload => ({
  sub: "7",
  business_id: 5,
  role: "owner",
  pages: ["calls_outbound"],
  iss: "https://crm.example.test",
  aud: "calls",
  iat: now(),
  exp: now() + 60,
});
const without = (claim: string) => Object.fromEntries(Object.entries(good()).filter(([name]) => name !== claim));

type Key = Parameters<SignJWT["sign"]>[0];
const signed = (claims: JWTPayload, header: { alg: string; kid?: string; typ?: string }, key: Key) =>
  new SignJWT(claims).setProtectedHeader(header).sign(key);
const rs = (claims: JWTPayload, header: object = {}) =>
  signed(claims, { alg: "RS256", kid: "r", ...header }, rsa.privateKey);
const b64 = (value: unknown) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** What no library would sign: put together by hand, with an HMAC where a signature is wanted. */
function handmade(header: object, claims: unknown, secret: string | Buffer = ""): string {
  const text = `${b64(header)}.${b64(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

const pem = await exportSPKI(rsa.publicKey);
const der = createPublicKey(pem).export({ type: "spki", format: "der" });
const bad: Record<string, () => string | Promise<string>> = {
  "alg none": () => new UnsecuredJWT(good()).encode(),
  "alg None, with a signature": () => handmade({ alg: "None", kid: "r" }, good()),
  "alg none, with the good token's signature": async () =>
    [b64({ alg: "none", kid: "r" }), ...(await rs(good())).split(".").slice(1)].join("."),
  "no alg": () => handmade({ kid: "r" }, good()),
  "HS256 with the public key, as PEM": () => handmade({ alg: "HS256", kid: "r" }, good(), pem),
  "HS256 with the public key, as DER": () => handmade({ alg: "HS256", kid: "r" }, good(), der),
  "HS256 with the public key, as JWK": () => handmade({ alg: "HS256", kid: "r" }, good(), JSON.stringify(keys[0])),
  "HS256 with a published symmetric key": () =>
    handmade({ alg: "HS256", kid: "oct" }, good(), Buffer.from(OCT, "base64url")),
  "RS256, other key, known kid": () => signed(good(), { alg: "RS256", kid: "r" }, otherRsa.privateKey),
  "RS256 with a key for encryption": () => signed(good(), { alg: "RS256", kid: "enc" }, otherRsa.privateKey),
  "ES256, other key, known kid": () => signed(good(), { alg: "ES256", kid: "e" }, otherEc.privateKey),
  "ES256 that names the RSA key": () => signed(good(), { alg: "ES256", kid: "r" }, ec.privateKey),
  "ES384 on another curve": () => signed(good(), { alg: "ES384", kid: "p384" }, p384.privateKey),
  "ES256 that names a key on another curve": () => signed(good(), { alg: "ES256", kid: "p384" }, ec.privateKey),
  PS256: () => signed(good(), { alg: "PS256", kid: "ps" }, ps.privateKey),
  EdDSA: () => signed(good(), { alg: "EdDSA", kid: "ed" }, ed.privateKey),
  "unknown kid": () => rs(good(), { kid: "gone" }),
  "a kid that is a path": () => rs(good(), { kid: "../../dev/null" }),
  "a key in the token itself": async () => {
    const jwk = await exportJWK(otherRsa.publicKey);
    return await signed(good(), { alg: "RS256", jwk } as never, otherRsa.privateKey);
  },
  "a key server of its own": () =>
    signed(good(), { alg: "RS256", kid: "r", jku: "https://evil.example.test" } as never, otherRsa.privateKey),
  "a critical extension": async () => {
    const [, claims, signature] = (await rs(good())).split(".");
    return `${b64({ alg: "RS256", kid: "r", crit: ["x"], x: 1 })}.${claims}.${signature}`;
  },
  "a changed claim": async () => {
    const [header, , signature] = (await rs(good())).split(".");
    return `${header}.${b64({ ...good(), business_id: 6 })}.${signature}`;
  },
  "a signature of zeros": async () => (await rs(good())).replace(/\.[^.]+$/, `.${"A".repeat(342)}`),
  "an ES256 signature of zeros": () => `${b64({ alg: "ES256", kid: "e" })}.${b64(good())}.${"A".repeat(86)}`,
  "no signature": async () => (await rs(good())).replace(/[^.]+$/, ""),
  "two parts": async () => (await rs(good())).replace(/\.[^.]+$/, ""),
  "two dots": () => "..",
  "five parts": () => "a.b.c.d.e",
  "not base64": async () => (await rs(good())).replace(".", ".!"),
  "claims that are no object": () => handmade({ alg: "RS256", kid: "r" }, "[]"),
  "a header that is no JSON": () => `${b64("{")}.${b64(good())}.x`,
  huge: () => rs({ ...good(), more: "x".repeat(100_000) }),
  "another type": () => rs(good(), { typ: "dpop+jwt" }),
  "no exp": () => rs(without("exp")),
  "exp as text": () => rs({ ...good(), exp: "2999-01-01" as unknown as number }),
  "nbf in the future": () => rs({ ...good(), nbf: now() + 90 }),
  "nbf as text": () => rs({ ...good(), nbf: "0" as unknown as number }),
  "iat in the future": () => rs({ ...good(), iat: now() + 90 }),
  "iat as text": () => rs({ ...good(), iat: "0" as unknown as number }),
  "another issuer": () => rs({ ...good(), iss: "https://crm.example.test.evil" }),
  "issuers as a list": () => rs({ ...good(), iss: ["https://crm.example.test"] as unknown as string }),
  "no issuer": () => rs(without("iss")),
  "another audience": () => rs({ ...good(), aud: ["mail", "calls2"] }),
  "no audience": () => rs(without("aud")),
  "no sub": () => rs(without("sub")),
  "sub as a list": () => rs({ ...good(), sub: ["7"] as unknown as string }),
  "business as text": () => rs({ ...good(), business_id: "5" }),
  "two businesses": () => rs({ ...good(), business_id: [5, 6] }),
};

describe("with keys from a server", () => {
  it("lets good tokens in", async () => {
    const caller = { sub: "7", role: "owner", businessId: 5 };
    assert.partialDeepStrictEqual(await check(`Bearer ${await rs(good())}`), caller);
    assert.partialDeepStrictEqual(await check(`bearer ${await rs(good(), { typ: "at+JWT" })}`), caller);
    assert.partialDeepStrictEqual(
      await check(`Bearer ${await rs({ ...good(), aud: ["mail", "calls"], iat: now() + 5 })}`),
      caller,
    );
    assert.partialDeepStrictEqual(
      await check(`Bearer ${await signed(good(), { alg: "ES256", kid: "e" }, ec.privateKey)}`),
      caller,
    );
  });

  for (const [name, token] of Object.entries(bad))
    it(`refuses: ${name}`, async () => {
      await assert.rejects(async () => check(`Bearer ${await token()}`), { code: "auth.token_invalid" });
    });

  it("says of an expired one that it is expired", async () => {
    await assert.rejects(async () => check(`Bearer ${await rs({ ...good(), exp: now() - 61 })}`), {
      code: "auth.token_expired",
    });
  });

  it("tells a wrong token from a missing role or page", async () => {
    for (const [claims, code] of [
      [{ role: ["owner"] }, "auth.role_missing"],
      [{ role: "OWNER" }, "auth.role_missing"],
      [{ pages: "calls_outbound" }, "auth.page_missing"],
      [{ pages: { calls_outbound: true } }, "auth.page_missing"],
      [{ pages: [["calls_outbound"]] }, "auth.page_missing"],
    ] as const)
      await assert.rejects(async () => check(`Bearer ${await rs({ ...good(), ...claims })}`), { code });
  });
});
