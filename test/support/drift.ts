// Migration drift: fails when db/schema.ts says something that no migration does.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const scratch = mkdtempSync(join(process.cwd(), "node_modules", ".drift-"));
try {
  cpSync("db/migrations", scratch, { recursive: true });
  const before = readdirSync(scratch).length;
  const out = scratch.slice(process.cwd().length + 1);
  const run = spawnSync(
    "drizzle-kit",
    ["generate", "--dialect=postgresql", "--schema=./db/schema.ts", `--out=./${out}`],
    {
      encoding: "utf8",
    },
  );
  const drifted = run.status !== 0 || readdirSync(scratch).length !== before || !/No schema changes/.test(run.stdout);
  if (drifted) {
    console.error(`db/schema.ts and db/migrations have drifted apart:\n${run.stdout}${run.stderr}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
