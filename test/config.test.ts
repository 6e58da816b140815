// The configuration: defaults, every fault at once, and what only goes together.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigFaults, readConfig, type Need } from "../src/config.ts";
import { assertQuick, LONG } from "./support/quick.ts";

const CARRIER = { TWILIO_ACCOUNT_SID: "AC1", TWILIO_AUTH_TOKEN: "secret" };

function faultsOf(env: NodeJS.ProcessEnv, needs: Need[] = []): string[] {
  try {
    readConfig(env, needs);
  } catch (error) {
    assert.ok(error instanceof ConfigFaults);
    return error.faults;
  }
  return [];
}

const names = (faults: string[]): string[] => faults.map((fault) => fault.split(" ")[0]!);

describe("configuration", () => {
  it("needs nothing, and has the contract's defaults", () => {
    const config = readConfig({});
    const { host, port, defaultLocale, afterTtl, heartbeatMs, adoptAfterMs, runTtlMs, maxCallsPerBusiness } = config;
    assert.deepEqual(
      { host, port, defaultLocale, afterTtl, heartbeatMs, adoptAfterMs, runTtlMs, maxCallsPerBusiness },
      {
        host: "127.0.0.1",
        port: 3000,
        defaultLocale: "he",
        afterTtl: "fail",
        heartbeatMs: 5_000,
        adoptAfterMs: 20_000,
        runTtlMs: 300_000,
        maxCallsPerBusiness: 3,
      },
    );
    assert.deepEqual([config.ringTimeoutSeconds, config.callTimeLimitSeconds, config.callNewsMs], [30, 600, 30_000]);
    assert.deepEqual([config.databaseUrl, config.twilio, config.publicUrl], [undefined, undefined, undefined]);
  });

  it("counts empty and blank variables as unset", () => {
    assert.deepEqual(readConfig({ PORT: "", DATABASE_URL: "  ", DEFAULT_LOCALE: "" }), readConfig({}));
  });

  it("lets a stand-in be called without a pace, and Twilio never", () => {
    const account = {
      TWILIO_ACCOUNT_SID: "AC1",
      TWILIO_AUTH_TOKEN: "t",
      TWILIO_CPS: "unlimited",
      PUBLIC_URL: "https://x.example",
    };
    assert.equal(readConfig({ ...account, TWILIO_API_URL: "http://127.0.0.1:1" }).callsPerSecond, Infinity);
    assert.deepEqual(names(faultsOf(account)), ["TWILIO_CPS=unlimited"]);
  });

  it("reports every fault at once", () => {
    const bad = {
      DATABASE_URL: "mysql://x",
      PORT: "99999",
      PUBLIC_URL: "ftp://x",
      TWILIO_ACCOUNT_SID: "XX",
      TWILIO_API_URL: "not a url",
      TWILIO_FROM: "050-1234567",
      TWILIO_CPS: "0",
      VOICE_URL: "x",
      JWT_JWKS_URL: "x",
      DEFAULT_LOCALE: "fr",
      AFTER_TTL: "panic",
      LOG_LEVEL: "loud",
      HEARTBEAT_SECONDS: "soon",
      ADOPT_AFTER_SECONDS: "-1",
      RUN_TTL_MINUTES: "0",
      RING_TIMEOUT_SECONDS: "1.5",
      CALL_TIME_LIMIT_SECONDS: "0",
      MAX_CALLS_PER_BUSINESS: "51",
      POST_START_BUDGET_MS: "1",
      POST_TIMEOUT_MS: "1",
      LOOKUP_GAP_SECONDS: "x",
      SETTLE_SECONDS: "x",
      CALL_NEWS_SECONDS: "x",
    };
    const named = new Set(names(faultsOf(bad)));
    for (const name of Object.keys(bad)) assert.ok(named.has(name), `${name} is not reported`);
    assert.ok(named.has("TWILIO_AUTH_TOKEN"), "the missing half of the credentials is reported beside them");
  });

  it("each malformed variable alone is one fault, which names it", () => {
    for (const [name, value] of [
      ["PORT", "x"],
      ["TWILIO_FROM", "12"],
      ["AFTER_TTL", "x"],
      ["LOG_LEVEL", "x"],
    ] as const)
      assert.deepEqual(names(faultsOf({ [name]: value })), [name]);
  });

  it("takes what the driver can read for DATABASE_URL, and names what it cannot", () => {
    for (const good of [
      "postgres://me@db.example/crm",
      "postgresql://me:p%40ss@[::1]:5432/crm?sslmode=disable",
      "postgres://me:hunter2@/crm?host=/var/run/postgresql",
      "postgres://db.example/crm?port=6432",
    ])
      assert.equal(readConfig({ DATABASE_URL: good }).databaseUrl, good);
    for (const bad of [
      "mysql://me:hunter2@db.example/crm",
      "postgres://me:hunter2@db.example:99999/crm",
      "postgres://me:hunter2@db.example:x/crm",
      "postgres://me:hunter2@db.example/crm?port=99999",
      "postgres://me:hunter2@db.example/crm?port=x",
      "postgres://me:hunter2@[bad/crm",
      "postgres://me:hunter2%ff@db.example/crm",
      "postgres://me:hunter2@db.example/crm?sslrootcert=/nowhere/hunter2.pem",
    ]) {
      const faults = faultsOf({ DATABASE_URL: bad });
      assert.deepEqual(names(faults), ["DATABASE_URL"], bad);
      assert.doesNotMatch(faults.join(), /hunter2|db\.example|crm/, bad);
    }
  });

  it("never repeats a secret in a fault", () => {
    const env = {
      TWILIO_AUTH_TOKEN: "hunter2",
      JWT_SECRET: "hunter2",
      JWT_JWKS_URL: "hunter2",
      DATABASE_URL: "hunter2",
    };
    assert.doesNotMatch(new ConfigFaults(faultsOf(env)).message, /hunter2/);
  });

  it("wants both credentials or none, and an address for real ones", () => {
    assert.deepEqual(names(faultsOf({ TWILIO_ACCOUNT_SID: "AC1" })), ["TWILIO_AUTH_TOKEN"]);
    assert.deepEqual(names(faultsOf({ TWILIO_AUTH_TOKEN: "x" })), ["TWILIO_ACCOUNT_SID"]);
    assert.deepEqual(names(faultsOf(CARRIER)), ["PUBLIC_URL"]);
    assert.deepEqual(names(faultsOf({ ...CARRIER, TWILIO_API_URL: "https://api.dublin.ie1.twilio.com" })), [
      "PUBLIC_URL",
    ]);
    for (const elsewhere of ["https://twilio-proxy.example", "http://10.0.0.7:4000", "http://stand-in:4000"])
      assert.deepEqual(names(faultsOf({ ...CARRIER, TWILIO_API_URL: elsewhere })), ["PUBLIC_URL"], elsewhere);
    for (const here of ["http://127.0.0.1:4000", "http://127.1:4000", "http://localhost:4000", "http://[::1]:4000"])
      assert.deepEqual(faultsOf({ ...CARRIER, TWILIO_API_URL: here }), [], here);
    assert.equal(readConfig({ ...CARRIER, PUBLIC_URL: "https://x.example/" }).publicUrl, "https://x.example");
    assert.equal(
      readConfig({ ...CARRIER, PUBLIC_URL: "https://x.example/a//b///" }).publicUrl,
      "https://x.example/a//b",
    );
    assert.equal(readConfig({ ...CARRIER, PUBLIC_URL: "https://x.example" }).twilio?.real, true);
    const slashes = `https://x.example/${"/".repeat(LONG)}a`;
    assertQuick("slashes", () => readConfig({ ...CARRIER, PUBLIC_URL: slashes }));
    for (const url of ["https://x.example/?a=1", "https://x.example/#a"])
      assert.deepEqual(names(faultsOf({ ...CARRIER, PUBLIC_URL: url })), ["PUBLIC_URL"]);
  });

  it("reports what a command cannot do without", () => {
    const needs: Need[] = ["DATABASE_URL", "carrier", "jwt"];
    assert.deepEqual(names(faultsOf({}, needs)), ["DATABASE_URL", "TWILIO_ACCOUNT_SID", "JWT_SECRET"]);
    assert.deepEqual(names(faultsOf({ JWT_SECRET: "a", JWT_JWKS_URL: "https://x.example" })), ["JWT_SECRET"]);
  });

  it("refuses thresholds that contradict each other", () => {
    assert.deepEqual(names(faultsOf({ SETTLE_SECONDS: "12" })), ["SETTLE_SECONDS"]);
    assert.deepEqual(faultsOf({ SETTLE_SECONDS: "12.1" }), []);
    assert.deepEqual(names(faultsOf({ HEARTBEAT_SECONDS: "11" })), ["ADOPT_AFTER_SECONDS"]);
  });

  it("takes origins as people write them, and nothing else for an origin", () => {
    const { corsOrigins } = readConfig({
      CORS_ORIGINS: "https://CRM.example/, http://localhost:5173 ,https://a.example:443",
    });
    assert.deepEqual(corsOrigins, ["https://crm.example", "http://localhost:5173", "https://a.example"]);
    assert.deepEqual(readConfig({}).corsOrigins, []);
    for (const bad of [
      "crm.example",
      "https://crm.example/page",
      "ftp://crm.example",
      "https://me@crm.example",
      "*",
      "https://x.example?",
    ])
      assert.deepEqual(names(faultsOf({ CORS_ORIGINS: `https://ok.example,${bad}` })), ["CORS_ORIGINS"], bad);
  });
});
