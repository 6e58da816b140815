// Every error leaves as application/problem+json (RFC 9457), with the stable `code`, and `error` for people. Nothing of
// the request is echoed, and nothing of an id that was not found: a foreign id and a missing one give the same bytes.
import { randomUUID } from "node:crypto";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { RequestError } from "@hono/node-server";
import { isUnavailable } from "../../db/system.ts";
import { OnceRefused } from "../../db/tenant.ts";
import { CodedError } from "../errors.ts";
import type { ApiDeps, ApiEnv, Log } from "./deps.ts";
import { PROBLEMS, type ProblemCode } from "./messages.ts";

/** Wait this long before asking again, when the fault is ours and passing. */
const RETRY_AFTER_SECONDS = 2;
/** The only parts of an error's detail that a caller may see; on a 404 none at all. */
const SHOWN = ["skipped", "success", "message", "errors", "skipped_count"] as const;

/** Answers any error thrown below; unexpected ones are logged with the id that the caller sees as `instance`. */
export function answerProblem(error: Error, c: Context<ApiEnv>, log: Log): Response {
  const code = codeOf(error);
  const { status, title } = PROBLEMS[code];
  const instance = status >= 500 ? `urn:uuid:${randomUUID()}` : undefined;
  if (instance) log.error({ err: error, instance, method: c.req.method, route: c.req.routePath }, title);

  const locale = c.get("locale");
  c.header("Content-Language", locale);
  c.header("Cache-Control", "no-store");
  if (status === 401) c.header("WWW-Authenticate", challenge(code));
  const retryAfter = error instanceof CodedError ? error.detail["retryAfterSeconds"] : undefined;
  if (typeof retryAfter === "number") c.header("Retry-After", String(retryAfter));
  else if (status === 503) c.header("Retry-After", String(RETRY_AFTER_SECONDS));
  const body = {
    type: `urn:ringpost:problem:${code}`,
    title,
    status,
    detail: PROBLEMS[code].en,
    ...(instance && { instance }),
    code,
    error: PROBLEMS[code][locale],
    ...(error instanceof CodedError && status !== 404 ? shown(error.detail) : {}),
  };
  return c.body(JSON.stringify(body), status, { "Content-Type": "application/problem+json" });
}

/** For what never reaches the application: a request that is none (a host or an address that cannot be), or a fault in it. */
export function answerOutside(error: unknown, { log, config }: Pick<ApiDeps, "log" | "config">): Response {
  const code = error instanceof RequestError ? "request.malformed" : "internal";
  const { status, title, en: detail } = PROBLEMS[code];
  if (status >= 500) log.error({ err: error }, title);
  const told = PROBLEMS[code][config.defaultLocale];
  const body = { type: `urn:ringpost:problem:${code}`, title, status, detail, code, error: told };
  const headers = { "Content-Type": "application/problem+json", "Cache-Control": "no-store" };
  return new Response(JSON.stringify(body), { status, headers });
}

function codeOf(error: Error): ProblemCode {
  if (error instanceof CodedError && error.code in PROBLEMS) return error.code as ProblemCode;
  if (error instanceof OnceRefused)
    return error.reason === "in_flight" ? "idempotency.in_flight" : "idempotency.key_reused";
  if (error instanceof HTTPException && error.status === 413) return "request.too_large";
  if (error instanceof HTTPException && error.status < 500) return "request.malformed";
  return isUnavailable(error) ? "database.unavailable" : "internal";
}

/** RFC 6750: without a token only the scheme, with one what is wrong. */
function challenge(code: ProblemCode): string {
  return code === "auth.token_missing" ? "Bearer" : 'Bearer error="invalid_token"';
}

function shown(detail: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(SHOWN.flatMap((key) => (key in detail ? [[key, detail[key]]] : [])));
}
