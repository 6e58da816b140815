// Requests that the OpenAPI document allows, made from nothing but the document, and ids that mean something.
import assert from "node:assert/strict";
import type { AnySchemaObject } from "ajv/dist/2020.js";
import { csvOf } from "../support/leads.ts";
import type { Random } from "../support/random.ts";
import { xlsxOf } from "../support/xlsx.ts";
import type { Conformance, Operation } from "./conformance.ts";

/** Ids of rows that exist, by what a name ends in; the generator mostly takes these. */
export type Ids = Record<"run" | "lead" | "list" | "business", readonly number[]>;

export interface Allowed {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | FormData | URLSearchParams | undefined;
}

/** For each pattern of the document, texts that it allows. */
const TEXTS: Record<string, readonly string[]> = {
  "": ["", "x", "שלום", "cnVuczox", "5"],
  "^[^\\u0000\\p{Cs}]*$": [
    "",
    " ",
    "שלום",
    "Dana",
    "%_\\",
    "'; drop table leads; --",
    "😀",
    "imported",
    "completed",
    "\t\n",
    "x".repeat(32),
  ],
  "^\\+[1-9]\\d{6,14}$": ["+97231234567", "+12025550123"],
  "^[hH][tT]{2}[pP][sS]?:\\/\\/[^\\u0000\\p{Cs}]*$": ["https://example.test/voice?a=1", "http://example.test"],
  "^[\\x21-\\x7e]{1,255}$": ["a", "b", '"c"', "~".repeat(255)],
};
/** What the two pages load, and something that they don't. */
const FILES = ["swagger-ui.css", "start.js", "main.js", "console.css", "none.js"];
const PHONES = ["050-234-5678", "+972523456789", "", "12", 502345678, null, "054-2345678", "0501234567"] as const;

export function allowedRequests(random: Random, conformance: Conformance, ids: () => Ids) {
  const often = (percent: number) => random.below(100) < percent;

  const idFor = (name: string): number | undefined => {
    const kind = (["business", "lead", "list", "run"] as const).find((kind) => name.includes(kind));
    const known = kind && ids()[kind];
    return known && known.length > 0 && often(85) ? random.pick(known) : undefined;
  };

  const valueOf = (schema: AnySchemaObject, name: string): unknown => {
    if ("const" in schema) return schema["const"];
    if (schema["enum"]) return random.pick(schema["enum"] as unknown[]);
    if (schema["anyOf"]) return valueOf(random.pick(schema["anyOf"] as AnySchemaObject[]), name);
    const {
      minimum = -1_000,
      maximum = 1_000,
      minItems = 0,
      maxItems = 5,
      maxLength = Infinity,
    } = schema as Record<string, number>;
    switch (schema["type"]) {
      case "null":
        return null;
      case "boolean":
        return often(50);
      case "integer":
        return idFor(name) ?? minimum + random.below(maximum - minimum + 1);
      case "string": {
        if (name === "file" || name === "name") return random.pick(FILES);
        const texts = TEXTS[(schema["pattern"] as string | undefined) ?? ""];
        assert.ok(texts, `no texts for the pattern ${String(schema["pattern"])}`);
        return random.pick(texts.filter((text) => text.length <= maxLength));
      }
      case "array": {
        const length = minItems + random.below(Math.min(5, maxItems - minItems + 1));
        return Array.from({ length }, () => valueOf((schema["items"] as AnySchemaObject | undefined) ?? {}, name));
      }
      case "object": {
        const required = (schema["required"] as string[] | undefined) ?? [];
        const fields = Object.entries((schema["properties"] ?? {}) as Record<string, AnySchemaObject>);
        const chosen = fields.filter(([field]) => required.includes(field) || often(50));
        return Object.fromEntries(chosen.map(([field, of]) => [field, valueOf(of, field)]));
      }
      default:
        // Anything at all: where the document leaves it open, it is a row of an import.
        return random.pick([
          { phone: random.pick(PHONES), name: "Noa" },
          [random.pick(PHONES), "Avi"],
          "0502345678",
          null,
          7,
        ]);
    }
  };

  const file = (): File =>
    random.pick([
      () => new File([csvOf(1 + random.below(20), random.below(1_000))], "leads.csv"),
      () =>
        new File(
          [
            new Uint8Array(
              xlsxOf([
                ["טלפון", "שם"],
                [`050${2_000_000 + random.below(900_000)}`, "נועה"],
              ]),
            ),
          ],
          "לידים.xlsx",
        ),
      () => new File([Uint8Array.from({ length: random.below(300) }, () => random.below(256))], "x"),
    ])();

  const formOf = (schema: AnySchemaObject): FormData => {
    const form = new FormData();
    form.set("file", file());
    const { list_name: listName } = schema["properties"] as Record<string, AnySchemaObject>;
    if (listName && often(50)) form.set("list_name", String(valueOf(listName, "list_name")));
    return form;
  };

  const bodyOf = ({ requestBody, method, path }: Operation): Pick<Allowed, "headers" | "body"> => {
    if (!requestBody) return { headers: {}, body: undefined };
    const [type, { schema }] = random.pick(Object.entries(requestBody.content));
    if (type === "multipart/form-data") return { headers: {}, body: formOf(schema) };
    const value = valueOf(schema, "");
    conformance.fits(schema, value, `what is sent to ${method} ${path}`);
    return { headers: { "content-type": type }, body: JSON.stringify(value) };
  };

  return (operation: Operation): Allowed => {
    const { method, path, parameters } = operation;
    const chosen = parameters.filter((parameter) => parameter.required || often(40));
    const values = chosen.map((parameter) => ({ ...parameter, value: valueOf(parameter.schema, parameter.name) }));
    const query = new URLSearchParams();
    for (const { in: where, name, value } of values)
      if (where === "query") for (const one of [value].flat()) query.append(name, String(one));
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(String(values.find((parameter) => parameter.name === name)?.value)),
    );
    const given = values.filter((parameter) => parameter.in === "header");
    const { headers, body } = bodyOf(operation);
    return {
      method,
      path: query.size > 0 ? `${filled}?${query.toString()}` : filled,
      headers: { ...Object.fromEntries(given.map(({ name, value }) => [name, asHeader(String(value))])), ...headers },
      body,
    };
  };
}

/** A header holds no more than Latin-1, and no line breaks. */
const asHeader = (text: string) => text.replace(/[^\x20-\x7e]/g, "").trim();
