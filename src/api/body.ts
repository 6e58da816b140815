// Reading requests: limits first, then shape. What fails here is the caller's fault, and never quotes what they sent.
import type { Context, MiddlewareHandler, ValidationTargets } from "hono";
import { bodyLimit } from "hono/body-limit";
import { validator } from "hono-openapi";
import * as v from "valibot";
import { CodedError } from "../errors.ts";
import type { ApiEnv } from "./deps.ts";

/** 200,000 ids of ten digits, with commas, spaces and line breaks. */
const JSON_BYTES = 4 * 1024 * 1024;
/** The deepest body we define has three levels; import rows may hold a little more. */
const MAX_DEPTH = 32;
const JSON_TYPE = /^application\/([\w.-]+\+)?json\s*(;|$)/i;

export const isJson = (c: Context) => JSON_TYPE.test(c.req.header("content-type") ?? "");

/** 413 above `maxSize` bytes, whether the length was announced or not. */
export function limitBody(maxSize: number): MiddlewareHandler {
  const onError = () => {
    throw new CodedError("request.too_large", "the body is too large");
  };
  const unannounced = bodyLimit({ maxSize, onError });
  return async (c, next) => {
    const announced = c.req.header("content-length");
    if (announced === undefined || !/^\d+$/.test(announced) || c.req.header("transfer-encoding") !== undefined) {
      await whole(unannounced(c, () => Promise.resolve()));
      return await next();
    }
    // An announced length is kept by Node's parser. Hono's own middleware would first make a stream of the body, which costs
    // a callback as much as all the rest of HTTP.
    if (Number(announced) > maxSize) return onError();
    await next();
  };
}

/** Lets only a JSON object pass: 415 for another type, 413, and 400 for what cannot be parsed or nests absurdly. */
export function jsonBody(): MiddlewareHandler<ApiEnv> {
  const limit = limitBody(JSON_BYTES);
  return async (c, next) => {
    if (!isJson(c)) throw new CodedError("request.media_type", "not JSON");
    return await limit(c, async () => {
      // An array would pass for an object without fields.
      if (Array.isArray(await parseJson(c))) throw new CodedError("request.invalid", "an array");
      await next();
    });
  };
}

/**
 * What is read of a body. Throws request.malformed when it breaks off: the client hung up, and the socket's error, the same
 * as that of a lost connection to the database, goes no further.
 */
export async function whole<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw new CodedError("request.malformed", "the body broke off");
  }
}

/** The parsed body. Hono caches the text, so that a validator after this reads the same. */
export async function parseJson(c: Context): Promise<unknown> {
  const text = await whole(c.req.text());
  if (isTooDeep(text)) throw new CodedError("request.too_deep", "the body nests too deeply");
  try {
    return JSON.parse(text);
  } catch {
    // A SyntaxError quotes the text: it goes no further.
    throw new CodedError("request.malformed", "the body is not JSON");
  }
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      if (char === "\\") at++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === "[" || char === "{") {
      if (++depth > MAX_DEPTH) return true;
    } else if (char === "]" || char === "}") depth--;
  }
  return false;
}

/** Validates one part of a request with `schema`; what fails is request.invalid with `errors`. */
export const valid = <Target extends keyof ValidationTargets, Schema extends v.GenericSchema>(
  target: Target,
  schema: Schema,
) =>
  validator(target, schema, (result) => {
    if (!result.success) throw invalid(result.target, result.error);
  });

/** For parts that no middleware can validate. Throws request.invalid. */
export function parse<Schema extends v.GenericSchema>(schema: Schema, input: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, input);
  if (!result.success) throw invalid("json", result.issues);
  return result.output;
}

/** More would only make the answer long. */
const ERRORS_SHOWN = 10;

/** Which field breaks which rule. Valibot's own messages say what was received: they are not used. */
function invalid(part: string, issues: readonly unknown[]): CodedError {
  const errors = issues.slice(0, ERRORS_SHOWN).map((issue) => {
    const { type, expected, path: steps = [] } = issue as v.BaseIssue<unknown>;
    // The last step of an unknown field's path is its name, which is the caller's and not ours.
    const path = steps.slice(0, type === "strict_object" && expected === "never" ? -1 : undefined);
    return {
      in: part,
      field: path.map((step) => String(step.key)).join("."),
      rule: type,
      ...(expected && { expected }),
    };
  });
  return new CodedError("request.invalid", `invalid ${part}`, { errors });
}
