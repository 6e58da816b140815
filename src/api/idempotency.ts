// Idempotency-Key: a POST that creates something may be sent again with the same key, and creates it once. The key is the
// business's; what was asked is compared by a hash of route and wish, so that the order of a body's fields is no matter.
import { createHash } from "node:crypto";
import type { Context } from "hono";
import type { Once } from "../../db/tenant.ts";
import { CodedError } from "../errors.ts";
import type { ApiEnv } from "./deps.ts";

/** Printable ASCII, as the header's draft has it; longer ones are somebody's mistake. */
const KEY = /^[\x21-\x7e]{1,255}$/;

/** Undefined without the header. `wish`: the validated body, or of a file its hash. Throws request.invalid. */
export function onceOf(c: Context<ApiEnv>, wish: unknown): Once | undefined {
  const key = c.req.header("idempotency-key");
  if (key === undefined) return undefined;
  if (!KEY.test(key)) {
    const errors = [{ in: "header", field: "Idempotency-Key", rule: "regex" }];
    throw new CodedError("request.invalid", "idempotency key", { errors });
  }
  const asked = [c.req.method, c.req.path, hashOf(JSON.stringify(wish))].join(" ");
  return { key, fingerprint: hashOf(asked) };
}

export function markReplayed(c: Context<ApiEnv>, replayed: boolean | undefined): void {
  if (replayed) c.header("Idempotent-Replayed", "true");
}

export const hashOf = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");
