// Who is calling: a bearer token in, a Caller out. The algorithm is ours to choose, never the token's.
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from "jose";
import * as v from "valibot";
import { CodedError } from "../errors.ts";

/** Clocks of two machines differ; more than a minute is a fault to repair, not to allow for. */
const CLOCK_TOLERANCE_SECONDS = 30;
/** Longer than any sign-in's token, and cheap to look at. */
const MAX_TOKEN = 8_192;
/** RFC 7519 and RFC 9068. Other types (dpop+jwt, logout+jwt, ...) are signed by the same keys for other purposes. */
const TYPES = new Set<unknown>([undefined, "jwt", "at+jwt", "application/jwt", "application/at+jwt"]);
const PAGE = "calls_outbound";
const INT4_MAX = 2_147_483_647;

export const ROLES = ["system_admin", "owner", "admin", "agent"] as const;
export type Role = (typeof ROLES)[number];

export interface Caller {
  /** The token's `sub`. */
  sub: string;
  role: Role;
  /** Null for system_admin, who belongs to no business. */
  businessId: number | null;
  /** When the token ends, in seconds since 1970: nothing that it opened may stay open for longer. */
  expiresAt: number;
}

export interface AuthOptions {
  secret: string | undefined;
  jwksUrl: string | undefined;
  issuer: string | undefined;
  audience: string | undefined;
}

// Without NUL: Postgres cannot store it, and the audit trail keeps every sub. Old tokens of the CRM hold a number.
const sub = v.pipe(
  v.union([v.string(), v.pipe(v.number(), v.safeInteger())]),
  v.transform(String),
  v.regex(/^[\x21-\x7e]{1,128}$/),
);
const businessId = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(INT4_MAX));

/**
 * A function from an Authorization header to its Caller. Throws auth.token_missing | token_invalid | token_expired (401),
 * auth.role_missing | page_missing (403), auth.keys_unavailable (503).
 */
export function authenticator(options: AuthOptions): (header: string | undefined) => Promise<Caller> {
  const { getKey, algorithms } = keysOf(options);
  const checks = {
    algorithms,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    requiredClaims: ["exp"],
    ...(options.issuer !== undefined && { issuer: options.issuer }),
    ...(options.audience !== undefined && { audience: options.audience }),
  };
  return async (header) => {
    const token = /^Bearer +(\S+)$/i.exec(header ?? "")?.[1];
    if (token === undefined) throw new CodedError("auth.token_missing", "no bearer token");
    if (token.length > MAX_TOKEN) throw new CodedError("auth.token_invalid", "too long");
    try {
      const { payload, protectedHeader } = await jwtVerify(token, getKey, checks);
      if (!TYPES.has(lowered(protectedHeader.typ))) throw new CodedError("auth.token_invalid", "typ");
      // jose looks at iat only where a greatest age is set: a token from the future is forged, or its maker's clock is.
      if (payload.iat !== undefined && payload.iat > Date.now() / 1_000 + CLOCK_TOLERANCE_SECONDS)
        throw new CodedError("auth.token_invalid", "iat");
      return callerOf(payload);
    } catch (error) {
      throw faultOf(error);
    }
  };
}

/** jose passes a header on as it was signed: its fields may be of any type. */
const lowered = (typ: unknown): unknown => (typeof typ === "string" ? typ.toLowerCase() : typ);

function keysOf({ secret, jwksUrl }: AuthOptions): { getKey: JWTVerifyGetKey; algorithms: string[] } {
  if (jwksUrl !== undefined) return { getKey: createRemoteJWKSet(new URL(jwksUrl)), algorithms: ["RS256", "ES256"] };
  if (secret === undefined) throw new Error("neither JWT_SECRET nor JWT_JWKS_URL is configured");
  const key = new TextEncoder().encode(secret);
  return { getKey: () => Promise.resolve(key), algorithms: ["HS256"] };
}

function callerOf(claims: JWTPayload): Caller {
  const expiresAt = claims.exp ?? 0;
  const who = v.safeParse(sub, claims["sub"]);
  if (!who.success) throw new CodedError("auth.token_invalid", "sub");
  const role = ROLES.find((r) => r === claims["role"]);
  if (role === undefined) throw new CodedError("auth.role_missing", "role");
  // Whatever business a system_admin's token names is not used: each request says whose data it means.
  if (role === "system_admin") return { sub: who.output, role, businessId: null, expiresAt };
  const business = v.safeParse(businessId, claims["business_id"]);
  if (!business.success) throw new CodedError("auth.token_invalid", "business_id");
  const pages = claims["pages"];
  if (!Array.isArray(pages) || !pages.includes(PAGE)) throw new CodedError("auth.page_missing", "pages");
  return { sub: who.output, role, businessId: business.output, expiresAt };
}

/** The token's faults are the caller's (401); keys that cannot be fetched are not. */
function faultOf(error: unknown): unknown {
  if (error instanceof CodedError) return error;
  if (error instanceof errors.JWTExpired) return new CodedError("auth.token_expired", "exp");
  const cannotFetch =
    error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid || !(error instanceof errors.JOSEError);
  // jose reports a key server that answers with an error as a plain JOSEError, without a code of its own.
  if (cannotFetch || error.code === "ERR_JOSE_GENERIC")
    return new CodedError("auth.keys_unavailable", "the signing keys cannot be fetched");
  return new CodedError("auth.token_invalid", error.code);
}
