// Whether an answer is what the OpenAPI document says: status, media type, body, headers, and what a stream's events say.
import assert from "node:assert/strict";
import { Ajv2020, type AnySchemaObject, type ValidateFunction } from "ajv/dist/2020.js";
import type { OpenApiDocument } from "../../src/api/openapi/document.ts";

interface Described {
  headers?: Record<string, { required: boolean; schema: AnySchemaObject }>;
  content?: Record<string, { schema: AnySchemaObject; "x-events"?: Record<string, AnySchemaObject> }>;
}
export interface Parameter {
  in: "path" | "query" | "header";
  name: string;
  required?: boolean;
  schema: AnySchemaObject;
}
export interface Operation {
  method: string;
  path: string;
  operationId: string;
  parameters: Parameter[];
  requestBody?: { content: Record<string, { schema: AnySchemaObject }> };
  security?: object[];
  responses: Record<string, Described>;
}
export interface Answered {
  status: number;
  headers: Headers;
  /** Of an event stream: what was read of it. */
  text: string;
}

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

export function conformance(document: OpenApiDocument) {
  const { paths, components } = JSON.parse(JSON.stringify(document)) as {
    paths: Record<string, Record<string, Omit<Operation, "method" | "path">>>;
    components: object;
  };
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
  ajv.addFormat("date-time", DATE_TIME).addFormat("uri", (text) => URL.canParse(text));
  // What OpenAPI keeps its schemas in.
  for (const word of ["components", "securitySchemes", "example"]) ajv.addKeyword(word);
  ajv.addSchema({ $id: "doc:", components });
  const compiled = new Map<AnySchemaObject, ValidateFunction>();
  const validatorOf = (schema: AnySchemaObject): ValidateFunction => {
    const known = compiled.get(schema);
    if (known) return known;
    const text = JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"doc:#/');
    const made = ajv.compile(JSON.parse(text) as AnySchemaObject);
    compiled.set(schema, made);
    return made;
  };
  const fits = (schema: AnySchemaObject, value: unknown, what: string) => {
    const validate = validatorOf(schema);
    assert.ok(
      validate(value),
      `${what}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)?.slice(0, 500)}`,
    );
  };

  const operations: Operation[] = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, of]) => ({
      ...of,
      method: method.toUpperCase(),
      path,
      parameters: (of.parameters as Parameter[] | undefined) ?? [],
    })),
  );

  /** Throws what an event says that the document does not. @returns the events' names */
  const checkEvents = (events: Record<string, AnySchemaObject>, text: string, what: string): string[] =>
    text
      .split("\n\n")
      .slice(0, -1)
      .flatMap((block) => {
        const [, name] = /^event: (.*)$/m.exec(block) ?? [];
        if (name === undefined) return [];
        const schema = events[name];
        assert.ok(schema, `${what}: an event ${name}`);
        fits(schema, JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? ""), `${what}: ${name}`);
        return [name];
      });

  return {
    operations,
    fits,
    /** Fails unless the document describes this answer of the operation. */
    check(operation: Operation, { status, headers, text }: Answered): void {
      const what = `${operation.method} ${operation.path} ${status}`;
      const described = operation.responses[String(status)];
      assert.ok(described, `${what} is not described: ${text.slice(0, 300)}`);
      for (const [name, { required, schema }] of Object.entries(described.headers ?? {})) {
        const value = headers.get(name);
        if (value === null) assert.ok(!required, `${what} has no ${name}`);
        else fits(schema, schema["type"] === "integer" ? Number(value) : value, `${what}: ${name}`);
      }
      const type = headers.get("content-type")?.split(";")[0];
      if (!described.content) return assert.equal(text, "", `${what} has a body`);
      const media = described.content[type ?? ""];
      assert.ok(media, `${what} is not described as ${type}`);
      if (media["x-events"]) checkEvents(media["x-events"], text, what);
      else if (type?.endsWith("json")) fits(media.schema, JSON.parse(text), what);
    },
  };
}

export type Conformance = ReturnType<typeof conformance>;
