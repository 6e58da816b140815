// The OpenAPI 3.1 document: paths, parameters and bodies from the application itself, answers from the table of
// operations.
import { Hono } from "hono";
import type { RouterRoute } from "hono/types";
import { describeRoute, generateSpecs, resolver, type DescribeRouteOptions } from "hono-openapi";
import { PROBLEMS, type ProblemCode } from "../messages.ts";
import { DIGITS } from "../schemas.ts";
import { Problem } from "./answers.ts";
import type { Operation, Tag } from "./operation.ts";
import { OPERATIONS } from "./operations.ts";

export type OpenApiDocument = Awaited<ReturnType<typeof generateSpecs>>;
type OperationObject = NonNullable<NonNullable<NonNullable<OpenApiDocument["paths"]>[string]>["get"]>;

const TAGS: Record<Tag, string> = {
  runs: "Runs: starting, watching and ending them",
  calls: "Calls that were placed",
  leads: "Imported leads and their lists",
  settings: "What a business chose for its calls",
  carrier: "What the phone carrier calls; signed requests only",
  operation: "Health, figures and this document",
};
const DESCRIPTION = `An outbound call queue. Every error is \`application/problem+json\` with a stable \`code\` and, in \`error\`, a sentence
for people in Hebrew or English (Accept-Language). What belongs to another business answers like what does not exist.
A system_admin belongs to no business and names one with \`?business_id=\`.`;

const ALWAYS: readonly ProblemCode[] = ["internal"];
const SIGNED_IN: readonly ProblemCode[] = [
  "request.too_many",
  "auth.token_missing",
  "auth.token_invalid",
  "auth.token_expired",
  "auth.page_missing",
  "auth.role_missing",
  "auth.keys_unavailable",
  "request.too_many",
  "business.required",
  "business.not_found",
  "database.unavailable",
];

const KEYED: readonly ProblemCode[] = ["idempotency.in_flight", "idempotency.key_reused"];
const KEY = {
  name: "Idempotency-Key",
  in: "header" as const,
  description: "Sent again with the same key and body, the first answer comes back, with Idempotent-Replayed: true.",
  schema: { type: "string" as const, minLength: 1, maxLength: 255 },
};

/** @param routes the application's, which carry the schemas that validate each request */
export async function documentOf(routes: readonly RouterRoute[]): Promise<OpenApiDocument> {
  const app = new Hono();
  app.routes.push(...routes);
  for (const operation of OPERATIONS) {
    const [method, path] = operation.route.split(" ") as [string, string];
    app.on(method, path, describeRoute(describe(operation)));
  }
  const document = await generateSpecs(app, {
    excludeStaticFile: false,
    defaultValidationErrorResponse: false,
    documentation: {
      info: { title: "Ringpost", version: "1", description: DESCRIPTION, license: { name: "MIT", identifier: "MIT" } },
      servers: [{ url: "/" }],
      security: [{ bearer: [] }],
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
          signature: { type: "apiKey", in: "header", name: "X-Twilio-Signature" },
        },
      },
    },
  });
  for (const { route, sends } of OPERATIONS) if (sends !== undefined) showBody(document, route, sends);
  for (const path of Object.values(document.paths ?? {}))
    for (const operation of Object.values(path ?? {})) wholeNumbers(operation as OperationObject);
  return document;
}

const IDEMPOTENCY_KEY = {
  in: "header" as const,
  name: "Idempotency-Key",
  description:
    "Sent again within 24 hours with the same body, the first answer comes again, with `Idempotent-Replayed: true`.",
  schema: { type: "string" as const, minLength: 1, maxLength: 255 },
};

function describe(operation: Operation): DescribeRouteOptions {
  const { id, tag, summary, description, access, body, keyed } = operation;
  const isPublic = access === "public";
  const codes: ProblemCode[] = [...ALWAYS, ...(operation.problems ?? [])];
  if (access === "carrier") codes.push("webhook.forbidden", "database.unavailable");
  else if (!isPublic) codes.push(...SIGNED_IN);
  if (keyed) codes.push(...KEYED);
  const managers = access === "managers" ? "For owner, admin and system_admin." : undefined;
  const words = [description, managers].filter(Boolean).join("\n\n");
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(words && { description: words }),
    ...(codes.includes("idempotency.key_reused") && { parameters: [IDEMPOTENCY_KEY] }),
    ...(isPublic && { security: [] }),
    ...(access === "carrier" && { security: [{ signature: [] }] }),
    ...(keyed && { parameters: [KEY] }),
    ...(body && { requestBody: { required: true, content: contentOf(body) } }),
    responses: { ...answersOf(operation), ...problemsOf(codes) },
  };
}

const contentOf = (body: Record<string, object>) =>
  Object.fromEntries(Object.entries(body).map(([media, schema]) => [media, { schema }]));

function answersOf({ answers }: Operation): NonNullable<DescribeRouteOptions["responses"]> {
  const shown = Object.entries(answers).map(([status, answer]) => {
    const { is } = answer;
    if ("media" in answer) {
      const schema = answer.media === "application/json" ? { type: "object" as const } : { type: "string" as const };
      return [status, { description: is, content: { [answer.media]: { schema } } }] as const;
    }
    if (!("json" in answer)) return [status, { description: is }] as const;
    const { json, example } = answer;
    const media = { schema: resolver(json), ...(example !== undefined && { example }) };
    return [status, { description: is, content: { "application/json": media } }] as const;
  });
  return Object.fromEntries(shown);
}

/** One response per status, which names its codes and shows each of them. */
function problemsOf(codes: readonly ProblemCode[]): NonNullable<DescribeRouteOptions["responses"]> {
  const byStatus = Map.groupBy(new Set(codes), (code) => PROBLEMS[code].status);
  const shown = [...byStatus].map(([status, of]) => {
    const examples = Object.fromEntries(of.map((code) => [code, { value: exampleOf(code) }]));
    const description = of.map((code) => `\`${code}\``).join(", ");
    return [status, { description, content: { "application/problem+json": { schema: resolver(Problem), examples } } }];
  });
  return Object.fromEntries(shown) as NonNullable<DescribeRouteOptions["responses"]>;
}

function exampleOf(code: ProblemCode) {
  const { status, title, en } = PROBLEMS[code];
  return { type: `urn:ringpost:problem:${code}`, title, status, detail: en, code, error: en };
}

/** The schema of a body comes from its validator; what to send stands beside it. */
function showBody(document: OpenApiDocument, route: Operation["route"], example: unknown): void {
  const [method = "", path = ""] = route.split(" ");
  const paths = document.paths as Record<string, Record<string, OperationObject>>;
  const body = paths[path]?.[method.toLowerCase()]?.requestBody;
  const json = body && "content" in body ? body.content["application/json"] : undefined;
  if (!json) throw new Error(`${route} takes no JSON`);
  json.example = example;
}

/** In a path or query a whole number arrives as digits: the schema that validates says so, readers want the number. */
function wholeNumbers(operation: OperationObject): void {
  for (const parameter of operation.parameters ?? []) {
    if (!("schema" in parameter) || !parameter.schema || !("pattern" in parameter.schema)) continue;
    const { pattern, default: preset } = parameter.schema;
    if (pattern !== DIGITS.source) continue;
    const schema = { type: "integer", ...(preset !== undefined && { default: Number(preset) }) };
    parameter.schema = schema as typeof parameter.schema;
  }
}
