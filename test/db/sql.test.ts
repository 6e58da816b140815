// No SQL is put together from strings: values are parameters, and what is raw is written out. Read from the syntax tree,
// so that a comment is no violation and a line break no hiding place.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { argumentsOf, nodesOf, type Node } from "../support/syntax.ts";

/** Statements that take no parameters, each with a reason why nothing of a request can be in them. */
const EXCUSED: Record<string, string> = {
  "db/transaction.ts": "BEGIN with its opening, which door.ts and locks.ts make of a number that they have checked",
  "db/listen.ts": "LISTEN takes no parameter: the name of our one channel, a constant",
  "db/migrate/indexBuild.ts": "names of tables and indexes, from our own migration files and the catalog",
  "db/migrate/step.ts": "names of tables, from our own migration files",
  "db/requestRole.ts": "role names: a constant, and one that Postgres has quoted",
};
/** Development only: names of databases and roles that we choose ourselves. */
const DEV = /^src\/dev\//;

/** A string that is written out: no `${}`, no `+`. */
const isLiteral = (node: Node) =>
  node.type === "StringLiteral" || (node.type === "TemplateLiteral" && (node["expressions"] as unknown[]).length === 0);
const isBuilt = (node: Node) =>
  (node.type === "TemplateLiteral" && !isLiteral(node)) ||
  (node.type === "BinaryExpression" && node["operator"] === "+");

function faultsOf(source: string): string[] {
  const faults: string[] = [];
  for (const node of nodesOf(source)) {
    if (node.type !== "CallExpression") continue;
    const callee = node["callee"] as Node;
    const name = (callee["property"] as Node | undefined)?.["value"];
    const [first] = argumentsOf(node);
    if (callee.type !== "MemberExpression" || !first) continue;
    if (name === "raw" && (callee["object"] as Node)["value"] === "sql" && !isLiteral(first)) faults.push("sql.raw");
    if ((name === "query" || name === "execute") && isBuilt(first)) faults.push(`${name}()`);
  }
  return faults;
}

describe("SQL", () => {
  it("is never put together from strings", () => {
    const files = globSync(["db/**/*.ts", "src/**/*.ts", "tasks/**/*.ts"]).filter((file) => !DEV.test(file));
    assert.ok(files.length > 80);
    for (const file of files) {
      const faults = faultsOf(readFileSync(file, "utf8"));
      if (file in EXCUSED) assert.ok(faults.length > 0, `${file} needs no excuse any more`);
      else assert.deepEqual(faults, [], file);
    }
  });

  it("is seen by this test", () => {
    const bad = [
      "sql.raw(name)",
      "sql.raw(`${a}`)",
      'sql.raw("a" + b)',
      "tx.execute(`select ${id}`)",
      'client.query("select " + id)',
      "x.y(() => pool\n.query(\n`${q}`))",
    ];
    for (const source of bad) assert.equal(faultsOf(source).length, 1, source);
    const good = [
      "sql.raw('now()')",
      "sql.raw(`now()`)",
      "tx.execute(sql`select ${id}`)",
      "c.query('select $1', [`${a}`])",
      "c.req.query('x')",
    ];
    for (const source of good) assert.deepEqual(faultsOf(source), [], source);
  });
});
