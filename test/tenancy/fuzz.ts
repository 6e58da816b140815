// Requests made from the routes' own schemas: mostly what is asked for, bent here and there.
import { generateSpecs } from "hono-openapi";
import type { buildApp } from "../../src/api/app.ts";
import type { Random } from "../support/random.ts";

/** As much of JSON Schema as our validators are described with. */
interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
}

interface Operation {
  method: string;
  path: string;
  parameters: { in: string; name: string; schema: Schema; required?: boolean }[];
  body: Schema | undefined;
}

export interface Made {
  method: string;
  /** The route's pattern. */
  route: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

/** Routes with a body that is read by hand have no schema: they are described here. */
const BY_HAND: Record<string, Schema> = {
  "post /api/outbound/import-leads": {
    type: "object",
    properties: {
      list_name: { type: "string", maxLength: 255 },
      rows: {
        type: "array",
        items: { type: "object", properties: { phone: { type: "string" }, name: { type: "string" } } },
      },
    },
    required: ["rows"],
  },
};

const NASTY: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1.7e308,
  2 ** 31,
  2 ** 53,
  "",
  " ",
  "0",
  "-1",
  "null",
  "\u0000",
  "\ud800",
  "א",
  "'; drop table leads; --",
  "%_\\",
  "x".repeat(5_000),
  [],
  {},
  [[]],
  [null],
  { __proto__: 1 },
  { toString: 1 },
  "../..",
  "${7*7}",
  "0501234567",
  "+972501234567",
  NaN,
];
const HEADERS: readonly [string, readonly string[]][] = [
  ["idempotency-key", ["a", "b", "x".repeat(300), " ", '"quoted"']],
  ["accept-language", ["en", "he", "xx;q=9", "*", ";;;"]],
  ["content-type", ["text/plain", "application/json; charset=utf-16", "multipart/form-data; boundary=x", ""]],
  ["x-forwarded-for", ["127.0.0.1"]],
];

export async function operationsOf(app: ReturnType<typeof buildApp>): Promise<Operation[]> {
  const { paths } = await generateSpecs(app);
  const described = new Map<string, Pick<Operation, "parameters" | "body">>();
  for (const [path, methods] of Object.entries(paths))
    for (const [method, operation] of Object.entries(methods ?? {})) {
      const { parameters = [], requestBody } = operation as {
        parameters?: Operation["parameters"];
        requestBody?: { content?: Record<string, { schema?: Schema }> };
      };
      described.set(`${method} ${path}`, { parameters, body: requestBody?.content?.["application/json"]?.schema });
    }
  const keys = new Set(
    app.routes
      .filter((r) => r.method !== "ALL" && r.path.startsWith("/api/"))
      .map((r) => `${r.method.toLowerCase()} ${r.path.replace(/:(\w+)/g, "{$1}")}`),
  );
  return [...keys].map((key) => {
    const [method = "", path = ""] = key.split(" ");
    const { parameters, body } = described.get(key) ?? { parameters: [], body: undefined };
    return { method: method.toUpperCase(), path, parameters, body: BY_HAND[key] ?? body };
  });
}

/** Ids of rows that exist, the caller's and others', and of some that do not. */
export interface Ids {
  run: readonly number[];
  list: readonly number[];
  lead: readonly number[];
}

export function makeRequest(random: Random, operations: readonly Operation[], ids: Ids): Made {
  const { method, path, parameters, body } = random.pick(operations);
  const some = <T>(chance: number, then: () => T): T | undefined => (random.below(100) < chance ? then() : undefined);
  const idFor = (name: string) =>
    random.pick(ids[(["lead", "list"] as const).find((kind) => name.includes(kind)) ?? "run"]);
  const value = (schema: Schema, name: string): unknown => {
    if (random.below(100) < 8) return random.pick(NASTY);
    if (schema.const !== undefined) return schema.const;
    if (schema.enum) return random.pick(schema.enum);
    if (schema.anyOf) return value(random.pick(schema.anyOf), name);
    switch (schema.type ?? "any") {
      case "integer":
        if (/_ids?$/.test(name)) return idFor(name);
        return (schema.minimum ?? 0) + random.below((schema.maximum ?? 100) - (schema.minimum ?? 0) + 1);
      case "array":
        return Array.from({ length: 1 + random.below(3) }, () => value(schema.items ?? {}, name));
      case "object": {
        const fields = Object.entries(schema.properties ?? {}).filter(
          ([field]) => schema.required?.includes(field) || random.below(2),
        );
        return Object.fromEntries(fields.map(([field, of]) => [field, value(of, field)]));
      }
      case "string":
        return name.endsWith("_id")
          ? String(idFor(name))
          : random.pick(["1", "5", "20", "en", "https://example.test/x", "+97231234567", "שלום"]);
      case "boolean":
        return random.below(2) === 0;
      default:
        return random.pick(NASTY);
    }
  };
  const text = (v: unknown) =>
    encodeURIComponent((typeof v === "string" ? v : (JSON.stringify(v) ?? "")).toWellFormed());
  const query = parameters
    .filter((p) => p.in === "query")
    .flatMap((p) => some(40, () => `${encodeURIComponent(p.name)}=${text(value(p.schema, p.name))}`) ?? []);
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => text(value({ type: "string" }, name)) || "1");
  const headers = Object.fromEntries(
    HEADERS.flatMap(
      ([name, values]) => some(name === "content-type" ? 4 : 10, () => [[name, random.pick(values)]]) ?? [],
    ),
  );
  const json = body && (JSON.stringify(value(body, "")) as string | undefined);
  return {
    method,
    route: path,
    path: query.length > 0 ? `${filled}?${query.join("&")}` : filled,
    headers: { ...(body && { "content-type": "application/json" }), ...headers },
    body: json === undefined ? undefined : (some(4, () => json.slice(0, random.below(json.length + 1))) ?? json),
  };
}
