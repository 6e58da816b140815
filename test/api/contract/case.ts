// The words that the contract's rows are written in: requests, and what they are answered with.
import type { Role } from "../../../src/api/auth.ts";
import type { ProblemCode } from "../../../src/api/messages.ts";
import type { Database } from "../../../db/client.ts";
import type { Shape } from "./shape.ts";
import type { Shop } from "./shop.ts";
import * as s from "./shapes.ts";

interface Asked {
  method: "GET" | "POST" | "PUT" | "DELETE";
  path: (shop: Shop) => string;
  body?: (shop: Shop) => unknown;
  as?: Role | "nobody";
  /** What has to be so before. */
  before?: (db: Database, shop: Shop) => Promise<unknown>;
  /** The same request, once before. */
  twice?: true;
}
export interface Case extends Asked {
  name: string;
  status: number;
  code?: ProblemCode;
  shape: Shape;
  /** What `message` says, in Hebrew and English. */
  says?: [he: string, en: string];
}

type Options = Partial<Asked>;
type Path = string | ((shop: Shop) => string);
const pathOf = (path: Path) => (typeof path === "string" ? () => path : path);
export const get = (path: Path, options: Options = {}): Asked => ({ method: "GET", path: pathOf(path), ...options });
export const post = (path: Path, body: (shop: Shop) => unknown = () => ({}), options: Options = {}): Asked => ({
  method: "POST",
  path: pathOf(path),
  body,
  ...options,
});
export const good = (name: string, asked: Asked, status: number, shape: Shape, says?: Case["says"]): Case => ({
  ...asked,
  name,
  status,
  shape,
  ...(says && { says }),
});
/** A problem, with `more` beside the fields that all have. */
export const bad = (
  name: string,
  asked: Asked,
  status: number,
  code: ProblemCode,
  more: Record<string, Shape> = {},
  says?: Case["says"],
): Case => ({ ...asked, name, status, code, shape: { ...s.PROBLEM, ...more }, ...(says && { says }) });

export const MISSING = 2_000_000_000;
export const O = "/api/outbound";
export const C = "/api/outbound_calls";
type Which = "pending" | "failed" | "ended" | "stopped" | "missing";
const idOf = (shop: Shop, which: Which) => (which === "missing" ? MISSING : shop[which]);
export const run =
  (which: Which, rest = "") =>
  (shop: Shop) =>
    `${O}/runs/${idOf(shop, which)}${rest}`;
export const job = (which: Which, rest: string) => (shop: Shop) => `${C}/jobs/${idOf(shop, which)}/${rest}`;
export const leads = (n: number) => (shop: Shop) => ({ lead_ids: shop.leads.slice(0, n) });
export const missingLead = () => ({ lead_ids: [MISSING] });
export const enqueue = (body: (shop: Shop) => unknown, options?: Options) => post(`${O}/bulk-enqueue`, body, options);
export const start = (body: (shop: Shop) => unknown, options?: Options) => post(`${C}/start`, body, options);
export const stop = (which: Which, options?: Options) =>
  post(`${O}/stop-queue`, (shop) => ({ run_id: idOf(shop, which) }), options);
export const rows = (phones: string[], options?: Options) =>
  post(`${O}/import-leads`, () => ({ rows: phones.map((phone) => ({ phone })), list_name: "L" }), options);
export const remove = (which: (shop: Shop) => number, options: Options = {}): Asked => ({
  method: "DELETE",
  path: (shop) => `${O}/import-leads/${which(shop)}`,
  ...options,
});
export const removeAll = (body: (shop: Shop) => unknown, options?: Options) =>
  post(`${O}/import-leads/bulk-delete`, body, options);
export const change = (wish: object, options: Options = {}): Asked => ({
  method: "PUT",
  path: () => `${O}/settings`,
  body: () => wish,
  ...options,
});
export const cleanUp = (options?: Options) => post(`${O}/cleanup-stuck-jobs`, undefined, options);

export const ENDED: [string, string] = ["ריצת השיחות כבר הסתיימה.", "The call run has already ended."];
export const invalid = (name: string, asked: Asked) => bad(name, asked, 400, "request.invalid", { errors: s.FAULTS });
export const notForAgents = (asked: Asked) =>
  bad("not for agents", { ...asked, as: "agent" }, 403, "auth.role_missing");
export const notFound = (asked: Asked) => bad("a run that is not there", asked, 404, "run.not_found");
export const strangers = (asked: Asked) =>
  bad("without a token", { ...asked, as: "nobody" }, 401, "auth.token_missing");
export const nameless = (asked: Asked) =>
  bad("a system_admin who names no business", { ...asked, as: "system_admin" }, 400, "business.required");
