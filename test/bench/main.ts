// `make bench`: runs the rows one after the other, prints a table, and writes every figure to a JSON file for comparing
// runs. A missed target is a figure like any other; exit 1 when a row could not be measured or an invariant was broken.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lastFirst } from "../support/scope.ts";
import { BENCH_FOLDER } from "./parts/child.ts";
import { machine } from "./parts/machine.ts";
import type { Row } from "./row.ts";
import { chooseRows } from "./rows.ts";
import { lastServer } from "./parts/stage.ts";
import { table, type Measured } from "./table.ts";

const full = process.env["FULL"] === "1";
const seed = Number(process.env["SEED"] || 1);
const since = performance.now();
const say = (line: string) => console.error(`${((performance.now() - since) / 1000).toFixed(1).padStart(6)} ${line}`);

async function measure(row: Row): Promise<Measured> {
  const { no, name, target } = row;
  say(`row ${no}: ${name}`);
  const closing: (() => unknown)[] = [];
  const scope = lastFirst({ after: (hook) => void closing.push(hook) });
  const progress = (line: string) => say(`row ${no}: ${line}`);
  try {
    try {
      const outcome = await row.run({ full, seed, scope, say: progress });
      progress(`${outcome.reached}${outcome.met ? "" : ", target missed"}`);
      return { no, name, target, outcome };
    } finally {
      for (const close of closing) await close();
    }
  } catch (error) {
    const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    progress(`FAILED ${failure}`);
    return { no, name, target, failure };
  }
}

const rows = await chooseRows(process.env["ROW"] ?? "", full);
const where = machine();
const startedAt = new Date();
const measured: Measured[] = [];
for (const row of rows) measured.push(await measure(row));
const server = lastServer();

console.log(
  `\n${where.cores} cores (${where.model}), ${where.memory_gb} GB; Node ${where.node}, commit ${where.commit}`,
);
console.log(
  `Postgres ${Object.entries(server)
    .map(([setting, value]) => `${setting} ${value}`)
    .join(", ")}`,
);
console.log(`seed ${seed}${full ? ", full sizes" : ""}\n`);
console.log(table(measured));
mkdirSync(BENCH_FOLDER, { recursive: true });
const file = join(BENCH_FOLDER, `${startedAt.toISOString().replace(/[:.]/g, "-")}.json`);
writeFileSync(file, `${JSON.stringify({ startedAt, seed, full, machine: where, server, rows: measured }, null, 2)}\n`);
console.log(`\nall figures: ${file}`);
process.exit(measured.some((row) => "failure" in row) ? 1 : 0);
