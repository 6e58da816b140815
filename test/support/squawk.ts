// Lints the migrations with squawk: every statement must be safe beside a running CRM, and safe to run again. Its program
// comes as an npm package for 64-bit Linux; elsewhere the check says that it was not made.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";

const SQUAWK = "node_modules/@squawk-cli/linux-x64/bin/squawk";
const FOLDER = "db/migrations";

if (existsSync(SQUAWK)) {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".sql"));
  const run = spawnSync(SQUAWK, ["--reporter", "gcc", ...files.map((name) => `${FOLDER}/${name}`)], {
    encoding: "utf8",
  });
  if (run.status !== 0) {
    console.error(`${run.stdout}${run.stderr}`);
    process.exitCode = 1;
  }
} else {
  console.error("squawk is not installed on this platform: the migrations were not linted");
}
