// Sources as syntax trees, for rules that the linter does not have: a comment breaks none, and a line break hides none.
import { parseSync } from "@swc/core";

export interface Node {
  type: string;
  [key: string]: unknown;
}

/** Every node of the source, parents first. */
export const nodesOf = (source: string): Generator<Node> => walk(parseSync(source, { syntax: "typescript" }));

function* walk(value: unknown): Generator<Node> {
  if (Array.isArray(value)) for (const item of value) yield* walk(item);
  else if (typeof value === "object" && value !== null) {
    if (isNode(value)) yield value;
    for (const inner of Object.values(value)) yield* walk(inner);
  }
}

const isNode = (value: object): value is Node => "type" in value;

/** The last name of `a`, `a.b`, `a?.b` or `a["b"]`; undefined for anything else. */
export function nameOf(node: Node | undefined): string | undefined {
  if (node?.type === "Identifier" || node?.type === "StringLiteral") return String(node["value"]);
  if (node?.type === "MemberExpression" || node?.type === "Computed")
    return nameOf((node["property"] ?? node["expression"]) as Node);
  if (node?.type === "OptionalChainingExpression") return nameOf(node["base"] as Node);
  return undefined;
}

/** A call's arguments. */
export const argumentsOf = (call: Node): Node[] =>
  (call["arguments"] as { expression: Node }[]).map(({ expression }) => expression);

/** An object literal's members by name: a property's value, or the method itself. */
export function membersOf(object: Node): Map<string, Node> {
  const members = new Map<string, Node>();
  for (const property of object["properties"] as Node[]) {
    const name = nameOf(property["key"] as Node | undefined);
    if (name !== undefined) members.set(name, (property["value"] as Node | undefined) ?? property);
  }
  return members;
}
