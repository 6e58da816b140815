// Rules about secrets and shells that the linter does not have: see .oxlintrc.json for those that it has.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { membersOf, nameOf, nodesOf, type Node } from "../support/syntax.ts";

/** What a guesser could measure his way to, byte by byte. Tokens of calls are looked up by an index, not compared. */
const SECRET = /secret|signature|password|hmac|digest|apiKey|authToken/i;
const EQUAL = new Set(["===", "==", "!==", "!="]);
/** Undefined, null and words written out are no secrets. */
const isKnown = (node: Node) => node.type.endsWith("Literal") || nameOf(node) === "undefined";

function faultsOf(source: string): string[] {
  const faults: string[] = [];
  for (const node of nodesOf(source)) {
    if (node.type === "BinaryExpression" && EQUAL.has(String(node["operator"]))) {
      const sides = [node["left"] as Node, node["right"] as Node];
      const secret = sides.map(nameOf).find((name) => name !== undefined && SECRET.test(name));
      if (secret !== undefined && !sides.some(isKnown)) faults.push(`${secret} is compared without timingSafeEqual`);
    }
    if (node.type === "ObjectExpression" && membersOf(node).has("shell")) faults.push("a shell");
  }
  return faults;
}

describe("the sources", () => {
  it("compare no secret in a time that tells of it, and start no shell", () => {
    const files = globSync(["db/**/*.ts", "src/**/*.ts", "tasks/**/*.ts"]);
    assert.ok(files.length > 150);
    for (const file of files) assert.deepEqual(faultsOf(readFileSync(file, "utf8")), [], file);
  });

  it("would be seen to", () => {
    const bad = [
      "signature === given",
      "a == this.#o.authToken",
      'x?.["jwtSecret"] !== y',
      "spawn(a, { shell: true })",
    ];
    for (const source of bad) assert.equal(faultsOf(source).length, 1, source);
    const good = ["signature === undefined", "null == secret", "typeof secret === 'string'", "spawn(a, [])", "a === b"];
    for (const source of good) assert.deepEqual(faultsOf(source), [], source);
  });
});
