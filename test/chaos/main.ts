// `make chaos SEED=1 LEADS=2000 KILLS=100`: prints what it does, and the verdict in figures as its last line. Exit 0 only
// if every invariant held.
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { rmSync } from "node:fs";
import { drill } from "./conductor.ts";

const text = { type: "string" } as const;
const { values } = parseArgs({ options: { seed: text, leads: text, kills: text } });
const number = (given: string | undefined, usual: number) => (given ? Number(given) : usual);
const seed = number(values.seed, Math.floor(Math.random() * 1_000_000));
const leads = number(values.leads, 2_000);
const kills = number(values.kills, 100);
const folder = fileURLToPath(new URL(`../../.data/chaos/seed-${seed}`, import.meta.url));

const closing: (() => unknown)[] = [];
const scope = { after: (close?: unknown) => void closing.push(close as () => unknown) };
let held = false;
try {
  const result = await drill(scope, { seed, leads, kills, folder, say: (line) => console.log(line) });
  for (const failure of result.failures) console.log(`FAILED ${failure}`);
  held = result.held;
  for (const close of closing.splice(0)) await close();
  if (held) rmSync(folder, { recursive: true, force: true });
  else console.log(`the logs are in ${folder}; replay with: make chaos SEED=${seed} LEADS=${leads} KILLS=${kills}`);
  console.log(`${held ? "HELD" : "BROKEN"} ${result.figures}`);
} finally {
  for (const close of closing) await close();
}
process.exit(held ? 0 : 1);
