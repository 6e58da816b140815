// The shape of an answer, to compare exactly: every field named, none besides, each of its type.

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const RUN_STATUSES = new Set<unknown>(["pending", "running", "completed", "cancelled", "failed", "stopped"]);

const TYPES = {
  int: (value: unknown) => Number.isInteger(value),
  number: (value: unknown) => typeof value === "number",
  bool: (value: unknown) => typeof value === "boolean",
  string: (value: unknown) => typeof value === "string",
  time: (value: unknown) => typeof value === "string" && TIME.test(value),
  true: (value: unknown) => value === true,
  false: (value: unknown) => value === false,
  "run status": (value: unknown) => RUN_STATUSES.has(value),
  /** Fields of any name. */
  any: (value: unknown) => typeof value === "object" && value !== null,
} as const;
type Type = keyof typeof TYPES;

/** A type, with `?` where null may stand instead; the fields of an object; or what is in a list, which may be empty. */
export type Shape = Type | `${Type}?` | { [field: string]: Shape } | readonly [Shape?];

/** Where `value` differs from its shape; empty: nowhere. */
export function differences(value: unknown, shape: Shape, at = "answer"): string[] {
  if (typeof shape === "string") {
    const type = shape.replace(/\?$/, "") as Type;
    const fits = TYPES[type](value) || (shape.endsWith("?") && value === null);
    return fits ? [] : [`${at} is ${JSON.stringify(value)}, not ${shape}`];
  }
  if (isList(shape)) {
    if (!Array.isArray(value)) return [`${at} is no list`];
    const [item] = shape;
    if (item === undefined) return value.length === 0 ? [] : [`${at} is not empty`];
    return value.flatMap((one, index) => differences(one, item, `${at}[${index}]`));
  }
  if (typeof value !== "object" || value === null) return [`${at} is ${JSON.stringify(value)}, not an object`];
  const fields = Object.entries(shape);
  const extra = Object.keys(value).filter((field) => !Object.hasOwn(shape, field));
  return [
    ...extra.map((field) => `${at}.${field} is too many`),
    ...fields.flatMap(([field, of]) =>
      Object.hasOwn(value, field)
        ? differences((value as Record<string, unknown>)[field], of, `${at}.${field}`)
        : [`${at}.${field} is missing`],
    ),
  ];
}

const isList = (shape: Shape): shape is readonly [Shape?] => Array.isArray(shape);
