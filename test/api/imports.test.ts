// What the API may import: no table, no raw connection, no SDK. A type is refused too: it is how a table's shape leaks.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";

const FORBIDDEN = [
  /^db\/(schema|client|locks|migrate|once|requestRole)\.ts$/,
  /^db\/tenant\//,
  /^pg$/,
  /^drizzle-orm/,
  /^twilio/,
];
const files = globSync("src/api/**/*.ts");

/** Every module a file names: static, re-exported, dynamic, or by require. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const names = [...text.matchAll(/\b(?:from|import|require)\s*\(?\s*["'`]([^"'`]+)["'`]/g)].map((found) => found[1]!);
  return names.map((name) => (name.startsWith(".") ? join(dirname(file), name) : name));
}

describe("modules of the API", () => {
  it("reach data only through the tenant door", () => {
    assert.ok(files.length > 15, "the files are where this test looks");
    for (const file of files)
      for (const name of importsOf(file))
        assert.ok(!FORBIDDEN.some((rule) => rule.test(name)), `${file} imports ${name}`);
  });

  it("are seen by this test", () => {
    assert.ok(importsOf("src/api/access.ts").includes("db/tenant.ts"));
    assert.ok(importsOf("db/tenant.ts").includes("db/client.ts"));
  });
});
