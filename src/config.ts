// The configuration: every environment variable, parsed once. The only reader of process.env.
import { resolve } from "node:path";
import * as v from "valibot";
import { isThisMachine, isTwilio } from "./carrierUrl.ts";
import { databaseUrl } from "./databaseUrl.ts";
import { origins } from "./origins.ts";

const TWILIO = "https://api.twilio.com";

const text = v.pipe(v.string(), v.trim(), v.nonEmpty("must not be empty"));
const url = v.pipe(text, v.url("must be a URL"), v.regex(/^https?:\/\//, "must start with http:// or https://"));
const between = (low: number, high: number, whole = true) =>
  v.pipe(
    text,
    v.regex(whole ? /^-?\d+$/ : /^-?\d+(\.\d+)?$/, `must be a ${whole ? "whole " : ""}number`),
    v.transform(Number),
    v.minValue(low, `must be at least ${low}`),
    v.maxValue(high, `must be at most ${high}`),
  );

/** `unlimited` as Infinity; anything else by the rule. */
const unlimitedOr = (rule: ReturnType<typeof between>) =>
  v.lazy((given) =>
    given === UNLIMITED
      ? v.pipe(
          v.literal(UNLIMITED),
          v.transform(() => Infinity),
        )
      : rule,
  );

const UNLIMITED = "unlimited";

const Environment = v.object({
  DATABASE_URL: v.optional(databaseUrl),
  HOST: v.optional(text, "127.0.0.1"),
  PORT: v.optional(between(0, 65_535), "3000"),
  PUBLIC_URL: v.optional(url),
  TWILIO_ACCOUNT_SID: v.optional(v.pipe(text, v.regex(/^AC\w+$/, "must start with AC"))),
  TWILIO_AUTH_TOKEN: v.optional(text),
  TWILIO_API_URL: v.optional(url, TWILIO),
  TWILIO_FROM: v.optional(v.pipe(text, v.regex(/^\+[1-9]\d{6,14}$/, "must be an E.164 number such as +97231234567"))),
  TWILIO_CPS: v.optional(unlimitedOr(between(0.01, 10_000, false))),
  VOICE_URL: v.optional(url),
  JWT_SECRET: v.optional(text),
  JWT_JWKS_URL: v.optional(url),
  JWT_ISSUER: v.optional(text),
  JWT_AUDIENCE: v.optional(text),
  CORS_ORIGINS: v.optional(origins),
  DEFAULT_LOCALE: v.optional(v.picklist(["he", "en"], "must be he or en"), "he"),
  AFTER_TTL: v.optional(v.picklist(["fail", "resume"], "must be fail or resume"), "fail"),
  LOG_LEVEL: v.optional(
    v.picklist(["fatal", "error", "warn", "info", "debug", "trace", "silent"], "must be a level such as info"),
    "info",
  ),
  HEARTBEAT_SECONDS: v.optional(between(0.1, 60, false), "5"),
  ADOPT_AFTER_SECONDS: v.optional(between(0.5, 3600, false), "20"),
  RUN_TTL_MINUTES: v.optional(between(0.01, 1440, false), "5"),
  RING_TIMEOUT_SECONDS: v.optional(between(1, 600), "30"),
  CALL_TIME_LIMIT_SECONDS: v.optional(between(1, 14_400), "600"),
  MAX_CALLS_PER_BUSINESS: v.optional(between(1, 50), "3"),
  // How long a claimed call may take from its begun mark to the socket: later, its worker was frozen, and it is dropped.
  POST_START_BUDGET_MS: v.optional(between(50, 60_000), "2000"),
  // The whole request to the carrier.
  POST_TIMEOUT_MS: v.optional(between(100, 60_000), "10000"),
  // Between two look-ups that count as separate evidence, and how long after the begun mark "not placed" may be said.
  LOOKUP_GAP_SECONDS: v.optional(between(0.1, 600, false), "10"),
  SETTLE_SECONDS: v.optional(between(0.5, 3600, false), "30"),
  // A live call without news for this long is fetched from the carrier.
  CALL_NEWS_SECONDS: v.optional(between(0.5, 3600, false), "30"),
  // Requests of one business in a minute, over all API processes.
  RATE_LIMIT_PER_MINUTE: v.optional(between(1, 1_000_000)),
  // Where `make run` keeps its database and keys.
  DATA_DIR: v.optional(text, ".data"),
});

export interface Config {
  databaseUrl: string | undefined;
  host: string;
  port: number;
  /** Where the carrier reaches us; undefined until the API knows its own address. */
  publicUrl: string | undefined;
  /** Undefined: no carrier configured, and `run` and `call` bring the stand-in. */
  twilio: { accountSid: string; authToken: string; apiUrl: string; real: boolean } | undefined;
  callerId: string | undefined;
  /** Calls started per second on the account; undefined: the carrier's default. */
  callsPerSecond: number | undefined;
  voiceUrl: string | undefined;
  jwt: {
    secret: string | undefined;
    jwksUrl: string | undefined;
    issuer: string | undefined;
    audience: string | undefined;
  };
  corsOrigins: string[];
  defaultLocale: "he" | "en";
  afterTtl: "fail" | "resume";
  logLevel: string;
  heartbeatMs: number;
  adoptAfterMs: number;
  runTtlMs: number;
  ringTimeoutSeconds: number;
  callTimeLimitSeconds: number;
  maxCallsPerBusiness: number;
  postStartBudgetMs: number;
  postTimeoutMs: number;
  lookupGapMs: number;
  settleMs: number;
  callNewsMs: number;
  /** Undefined: the API's default. */
  requestsPerMinute: number | undefined;
  dataDir: string;
}

/** What a command cannot do without. */
export type Need = "DATABASE_URL" | "carrier" | "jwt";

/** All that is wrong with the environment, one line each. */
export class ConfigFaults extends Error {
  readonly faults: string[];
  constructor(faults: string[]) {
    super(`Bad configuration:\n${faults.map((f) => `  ${f}`).join("\n")}`);
    this.name = "ConfigFaults";
    this.faults = faults;
  }
}

/** Parses the environment; empty variables count as unset. Throws ConfigFaults with every fault at once. */
export function readConfig(env: NodeJS.ProcessEnv = process.env, needs: readonly Need[] = []): Config {
  const known = Object.keys(Environment.entries);
  const given = Object.fromEntries(known.flatMap((k) => (env[k]?.trim() ? [[k, env[k]]] : [])));
  const parsed = v.safeParse(Environment, given);
  const faults = (parsed.issues ?? []).map((i) => `${String(i.path?.[0]?.key)} ${i.message}`);
  faults.push(...togetherFaults(given, needs));
  if (!parsed.success || faults.length > 0) throw new ConfigFaults(faults);
  return shape(parsed.output);
}

/** Faults that no variable has alone. Works on what was given, so that it can speak even when a value is malformed. */
function togetherFaults(env: Record<string, string | undefined>, needs: readonly Need[]): string[] {
  const faults: string[] = [];
  const { TWILIO_ACCOUNT_SID: sid, TWILIO_AUTH_TOKEN: token } = env;
  if (sid && !token) faults.push("TWILIO_AUTH_TOKEN is required when TWILIO_ACCOUNT_SID is set");
  if (token && !sid) faults.push("TWILIO_ACCOUNT_SID is required when TWILIO_AUTH_TOKEN is set");
  if (env["TWILIO_API_URL"] && !sid && !token)
    faults.push("TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are required when TWILIO_API_URL is set");
  // Whoever else takes the calls, a proxy in front of Twilio included, cannot report them to our own address.
  if (sid && token && !isThisMachine(env["TWILIO_API_URL"] ?? TWILIO) && !env["PUBLIC_URL"])
    faults.push(
      "PUBLIC_URL is required with Twilio credentials: it is where Twilio reports each call (only a stand-in on this machine does without)",
    );
  // Twilio queues what is beyond its rate for up to a day, where no stop of ours would reach it in time.
  if (env["TWILIO_CPS"] === UNLIMITED && isTwilio(env["TWILIO_API_URL"] ?? TWILIO))
    faults.push("TWILIO_CPS=unlimited is for a stand-in: Twilio itself has a rate");
  if (/[?#]/.test(env["PUBLIC_URL"] ?? ""))
    faults.push("PUBLIC_URL must not have a query or a fragment: paths are put behind it");
  if (needs.includes("DATABASE_URL") && !env["DATABASE_URL"]) faults.push("DATABASE_URL is required");
  if (needs.includes("carrier") && !sid && !token)
    faults.push(
      "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are required (without them only `make run` and `make call` work)",
    );
  if (needs.includes("jwt") && !env["JWT_SECRET"] && !env["JWT_JWKS_URL"])
    faults.push("JWT_SECRET or JWT_JWKS_URL is required");
  if (env["JWT_SECRET"] && env["JWT_JWKS_URL"]) faults.push("JWT_SECRET and JWT_JWKS_URL exclude each other");
  const settle = Number(env["SETTLE_SECONDS"] ?? 30) * 1000;
  const flight = Number(env["POST_START_BUDGET_MS"] ?? 2000) + Number(env["POST_TIMEOUT_MS"] ?? 10_000);
  if (settle <= flight)
    faults.push(`SETTLE_SECONDS must be longer than POST_START_BUDGET_MS + POST_TIMEOUT_MS (${flight} ms)`);
  if (Number(env["ADOPT_AFTER_SECONDS"] ?? 20) < 2 * Number(env["HEARTBEAT_SECONDS"] ?? 5))
    faults.push("ADOPT_AFTER_SECONDS must be at least twice HEARTBEAT_SECONDS");
  return faults;
}

/** From the first of them: from each, many in the middle would be read over and over. */
const SLASHES_AT_END = /(?<!\/)\/+$/;

function shape(env: v.InferOutput<typeof Environment>): Config {
  const { TWILIO_ACCOUNT_SID: accountSid, TWILIO_AUTH_TOKEN: authToken, TWILIO_API_URL: apiUrl } = env;
  return {
    databaseUrl: env.DATABASE_URL,
    host: env.HOST,
    port: env.PORT,
    publicUrl: env.PUBLIC_URL?.replace(SLASHES_AT_END, ""),
    twilio:
      accountSid && authToken
        ? { accountSid, authToken, apiUrl: apiUrl.replace(SLASHES_AT_END, ""), real: isTwilio(apiUrl) }
        : undefined,
    callerId: env.TWILIO_FROM,
    callsPerSecond: env.TWILIO_CPS,
    voiceUrl: env.VOICE_URL,
    jwt: { secret: env.JWT_SECRET, jwksUrl: env.JWT_JWKS_URL, issuer: env.JWT_ISSUER, audience: env.JWT_AUDIENCE },
    corsOrigins: env.CORS_ORIGINS ?? [],
    defaultLocale: env.DEFAULT_LOCALE,
    afterTtl: env.AFTER_TTL,
    logLevel: env.LOG_LEVEL,
    heartbeatMs: env.HEARTBEAT_SECONDS * 1000,
    adoptAfterMs: env.ADOPT_AFTER_SECONDS * 1000,
    runTtlMs: env.RUN_TTL_MINUTES * 60_000,
    ringTimeoutSeconds: env.RING_TIMEOUT_SECONDS,
    callTimeLimitSeconds: env.CALL_TIME_LIMIT_SECONDS,
    maxCallsPerBusiness: env.MAX_CALLS_PER_BUSINESS,
    postStartBudgetMs: env.POST_START_BUDGET_MS,
    postTimeoutMs: env.POST_TIMEOUT_MS,
    lookupGapMs: env.LOOKUP_GAP_SECONDS * 1000,
    settleMs: env.SETTLE_SECONDS * 1000,
    callNewsMs: env.CALL_NEWS_SECONDS * 1000,
    requestsPerMinute: env.RATE_LIMIT_PER_MINUTE,
    dataDir: resolve(env.DATA_DIR),
  };
}
