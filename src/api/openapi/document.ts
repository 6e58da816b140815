// The OpenAPI 3.1 document: paths, parameters and bodies from the application itself, answers from the table of
// operations.
import { Hono } from "hono";
import type { RouterRoute } from "hono/types";
import { describeRoute, generateSpecs, resolver, type DescribeRouteOptions } from "hono-openapi";
import { PROBLEMS, type ProblemCode } from "../messages.ts";
import { rangeIn, WHOLE_NUMBER } from "../schemas.ts";
import { Problem } from "./answers.ts";
import { headersOf } from "./headers.ts";
import { ONCE, type Operation, type Tag } from "./operation.ts";
import { OPERATIONS } from "./operations.ts";

export type OpenApiDocument = Awaited<ReturnType<typeof generateSpecs>>;
type Parameter = NonNullable<DescribeRouteOptions["parameters"]>[number];
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
  "auth.token_missing",
  "auth.token_invalid",
  "auth.token_expired",
  "auth.page_missing",
  "auth.role_missing",
  "auth.keys_unavailable",
  "request.too_many",
  "request.too_many_at_once",
  "business.required",
  "business.not_found",
  "database.unavailable",
];

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
  for (const { route, events } of OPERATIONS) if (events) await showEvents(document, route, events);
  for (const path of Object.values(document.paths ?? {}))
    for (const operation of Object.values(path ?? {})) wholeNumbers(operation as OperationObject);
  return document;
}

const NAMED_BUSINESS: Parameter = {
  in: "query",
  name: "business_id",
  description: "For a system_admin, who has to name one. Of no meaning to everybody else.",
  schema: { type: "integer", minimum: 1, maximum: 2_147_483_647 },
};
const LANGUAGE: Parameter = {
  in: "header",
  name: "Accept-Language",
  description: "Hebrew or English for what is said to people.",
  schema: { type: "string" },
};
const IDEMPOTENCY_KEY: Parameter = {
  in: "header",
  name: "Idempotency-Key",
  description:
    "Sent again within 24 hours with the same body, the first answer comes again, with `Idempotent-Replayed: true`.",
  schema: { type: "string", pattern: "^[\\x21-\\x7e]{1,255}$" },
};
const LAST_EVENT_ID: Parameter = {
  in: "header",
  name: "Last-Event-ID",
  description: "The id of the last event that was seen.",
  schema: { type: "string" },
};

function describe(operation: Operation): DescribeRouteOptions {
  const { id, tag, summary, description, access, body, keyed, problems = [] } = operation;
  const isPublic = access === "public";
  const isSignedIn = !isPublic && access !== "carrier";
  const codes: ProblemCode[] = [...ALWAYS, ...problems];
  if (access === "carrier") codes.push("webhook.forbidden", "database.unavailable");
  else if (!isPublic) codes.push(...SIGNED_IN);
  if (keyed) codes.push(...ONCE);
  const managers = access === "managers" ? "For owner, admin and system_admin." : undefined;
  const words = [description, managers].filter(Boolean).join("\n\n");
  const parameters = [
    ...(isSignedIn ? [LANGUAGE] : []),
    ...(isSignedIn && !operation.ofRun ? [NAMED_BUSINESS] : []),
    ...(keyed ? [IDEMPOTENCY_KEY] : []),
    ...(operation.events ? [LAST_EVENT_ID] : []),
  ];
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(words && { description: words }),
    ...(parameters.length > 0 && { parameters }),
    ...(isPublic && { security: [] }),
    ...(access === "carrier" && { security: [{ signature: [] }] }),
    ...(body && { requestBody: { required: true, content: contentOf(body) } }),
    responses: { ...answersOf(operation, isSignedIn), ...problemsOf(codes, isSignedIn) },
  };
}

const contentOf = (body: Record<string, object>) =>
  Object.fromEntries(Object.entries(body).map(([media, schema]) => [media, { schema }]));

function answersOf({ answers, keyed }: Operation, counted: boolean): NonNullable<DescribeRouteOptions["responses"]> {
  const shown = Object.entries(answers).map(([status, answer]) => {
    const own = "headers" in answer ? answer.headers : {};
    const headers = { ...headersOf(Number(status), { counted, keyed: keyed ?? false }), ...own };
    const said = { description: answer.is, ...(Object.keys(headers).length > 0 && { headers }) };
    if ("media" in answer) {
      const schemaOf = (media: string) => ({
        type: media === "application/json" ? ("object" as const) : ("string" as const),
      });
      const content = [answer.media].flat().map((media) => [media, { schema: schemaOf(media) }] as const);
      return [status, { ...said, content: Object.fromEntries(content) }] as const;
    }
    if (!("json" in answer)) return [status, said] as const;
    const { json, example } = answer;
    const media = { schema: resolver(json), ...(example !== undefined && { example }) };
    return [status, { ...said, content: { "application/json": media } }] as const;
  });
  return Object.fromEntries(shown);
}

/** One response per status, which names its codes and shows each of them. */
function problemsOf(codes: readonly ProblemCode[], counted: boolean): NonNullable<DescribeRouteOptions["responses"]> {
  const byStatus = Map.groupBy(new Set(codes), (code) => PROBLEMS[code].status);
  const shown = [...byStatus].map(([status, of]) => {
    const examples = Object.fromEntries(of.map((code) => [code, { value: exampleOf(code) }]));
    const description = of.map((code) => `\`${code}\``).join(", ");
    const headers = headersOf(status, { counted, keyed: false });
    const content = { "application/problem+json": { schema: resolver(Problem), examples } };
    return [status, { description, headers, content }];
  });
  return Object.fromEntries(shown) as NonNullable<DescribeRouteOptions["responses"]>;
}

function exampleOf(code: ProblemCode) {
  const { status, title, en } = PROBLEMS[code];
  return { type: `urn:ringpost:problem:${code}`, title, status, detail: en, code, error: en };
}

function operationIn(document: OpenApiDocument, route: Operation["route"]): OperationObject | undefined {
  const [method = "", path = ""] = route.split(" ");
  const paths = document.paths as Record<string, Record<string, OperationObject>>;
  return paths[path.replace(/:(\w+)/g, "{$1}")]?.[method.toLowerCase()];
}

/** OpenAPI 3.1 has no words for what a stream's events say: an extension has, by the event's name. */
async function showEvents(
  document: OpenApiDocument,
  route: Operation["route"],
  events: NonNullable<Operation["events"]>,
): Promise<void> {
  const answer = operationIn(document, route)?.responses?.["200"];
  const stream = answer && "content" in answer ? answer.content?.["text/event-stream"] : undefined;
  if (!stream) throw new Error(`${route} answers with no stream`);
  const shown: Record<string, object> = {};
  for (const [name, data] of Object.entries(events)) shown[name] = (await resolver(data).toOpenAPISchema()).schema;
  Object.assign(stream, { "x-events": shown });
}

/** The schema of a body comes from its validator; what to send stands beside it. */
function showBody(document: OpenApiDocument, route: Operation["route"], example: unknown): void {
  const body = operationIn(document, route)?.requestBody;
  const json = body && "content" in body ? body.content["application/json"] : undefined;
  if (!json) throw new Error(`${route} takes no JSON`);
  json.example = example;
}

/** In a path or query a whole number arrives as digits: the schema that validates says so, readers want the number. */
function wholeNumbers(operation: OperationObject): void {
  for (const parameter of operation.parameters ?? []) {
    if (!("schema" in parameter) || !parameter.schema || !("pattern" in parameter.schema)) continue;
    const { pattern, default: preset } = parameter.schema;
    if (pattern !== WHOLE_NUMBER.source) continue;
    const schema = {
      type: "integer",
      ...rangeIn(parameter.description),
      ...(preset !== undefined && { default: Number(preset) }),
    };
    parameter.schema = schema as typeof parameter.schema;
  }
}
