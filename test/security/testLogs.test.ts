// Every log of the test suite is looked through for phone numbers, whoever writes the next test: a logger comes from
// test/support/log.ts, and what a child process writes to standard error goes on to ours, which `make test` looks through.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { argumentsOf, membersOf, nameOf, nodesOf, type Node } from "../support/syntax.ts";

/** Who may build loggers, or keep a child's standard error, each with the reason. */
const EXCUSED: Record<string, string> = {
  "test/support/log.ts": "the place where tests get their loggers",
  "test/log.test.ts": "tests of what is taken out",
  "test/chaos/process.ts": "a process of its own, whose log is a file",
  "test/support/world/worker-process.ts": "a process of its own, whose log is our standard error",
  "test/chaos/fleet.ts": "into files that drill and theatre look through",
  "test/bench/parts/machine.ts": "git",
  "test/bench/parts/child.ts": "into files that it looks through at the end",
  "test/commands/cli.ts": "looks through both streams itself",
  "test/upgrade/plan.test.ts": "looks at what is printed; passes standard error on",
  "test/dev/process.test.ts": "the stand-in, which shares no code with the product",
  "test/dev/postgres.test.ts": "a process that only sleeps",
  "test/support/numbersIn.test.ts": "lets a number through to see it found",
  "test/support/postgres-session.ts": "the keeper of the test server, which is not the product",
  "test/support/audit.ts": "npm",
  "test/support/drift.ts": "drizzle-kit",
  "test/support/squawk.ts": "a linter",
};

const LOG_METHODS = ["trace", "debug", "info", "warn", "error", "fatal"];
const IS_FUNCTION = /^(ArrowFunctionExpression|FunctionExpression|MethodProperty)$/;
const SPAWNS = new Set(["spawn", "spawnSync", "execFile", "execFileSync"]);

/** `warn` alone is enough for most of the queue; an `error` or `info` alone is something else's. */
const isFakeLog = (node: Node) => {
  const own = [...membersOf(node)].filter(([name, of]) => LOG_METHODS.includes(name) && IS_FUNCTION.test(of.type));
  return own.some(([name]) => name === "warn") || own.length > 1;
};

/** Standard error given on: `stdio: [..., ..., "inherit"]`. */
function givesOn(call: Node): boolean {
  const options = argumentsOf(call).findLast((node) => node.type === "ObjectExpression");
  const stdio = options && membersOf(options).get("stdio");
  const third = stdio?.type === "ArrayExpression" ? (stdio["elements"] as ({ expression: Node } | null)[])[2] : null;
  return nameOf(third?.expression) === "inherit";
}

function faultsOf(source: string): string[] {
  const faults: string[] = [];
  for (const node of nodesOf(source)) {
    if (node.type === "ObjectExpression" && isFakeLog(node)) faults.push("a log of its own");
    if (node.type !== "CallExpression") continue;
    const name = nameOf(node["callee"] as Node) ?? "";
    if (name === "createLogger" || name === "pino") faults.push(`${name}()`);
    if (name === "fork" && /silent|stdio/.test(JSON.stringify(argumentsOf(node))))
      faults.push("fork() keeps its errors");
    if (SPAWNS.has(name) && !givesOn(node)) faults.push(`${name}() keeps its errors`);
    const [first] = argumentsOf(node);
    if (name === "promisify" && SPAWNS.has(nameOf(first) ?? "")) faults.push("a promise of a process keeps its errors");
  }
  return faults;
}

describe("the logs of the test suite", () => {
  it("are all looked through", () => {
    const files = globSync("test/**/*.ts").filter((file) => !file.startsWith("test/.mutants"));
    assert.ok(files.length > 100);
    for (const file of files) {
      const faults = faultsOf(readFileSync(file, "utf8"));
      if (file in EXCUSED) assert.ok(faults.length > 0, `${file} needs no excuse any more`);
      else assert.deepEqual(faults, [], file);
    }
  });

  it("would be missed", () => {
    const bad = [
      'createLogger("info")',
      "pino({}, out)",
      "x({ log: { warn: () => undefined } })",
      "const log = { info() {}, error() {} }",
      "spawn(node, [file])",
      'spawn(node, [file], { stdio: ["pipe", "inherit", "pipe"] })',
      "fork(file, [], { silent: true })",
      "await promisify(execFile)(node, [])",
    ];
    for (const source of bad) assert.equal(faultsOf(source).length, 1, source);
    const good = [
      "testLogger()",
      "process.on('error', () => {})",
      "x({ onError: () => {}, error: (e) => e })",
      'spawn(node, [file], { stdio: ["ignore", "pipe", "inherit"] })',
      "fork(file, [])",
    ];
    for (const source of good) assert.deepEqual(faultsOf(source), [], source);
  });
});
