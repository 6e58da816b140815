// A process that imports one file and nothing else, so that its peak memory is the import's: prints one JSON line.

import { createReadStream } from "node:fs";

import { readLeads } from "../../src/leads/import.ts";

const MEGABYTE = 1024 * 1024;
const path = process.argv[2] ?? "";

/** Of this thread: a machine that is busy with something else, or stands still, takes none of it. */
const cpuMs = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};
// How much is done at a stretch, without any timer's turn: for so long, at the least, everything else would wait.
const blocks: number[] = [];
let before = cpuMs();
const look = () => {
  const now = cpuMs();
  blocks.push(now - before);
  before = now;
};
const watch = setInterval(look, 1);
const started = performance.now();
const table = await readLeads({ kind: "file", bytes: createReadStream(path) });
let leads = 0;
let errors = 0;
for await (const batch of table.batches) {
  leads += batch.leads.length;
  errors += batch.errors.length;
}
clearInterval(watch);
look();
blocks.sort((a, b) => a - b);
console.log(
  JSON.stringify({
    leads,
    errors,
    seconds: Number(((performance.now() - started) / 1000).toFixed(1)),
    peakMb: Math.round((process.resourceUsage().maxRSS * 1024) / MEGABYTE),
    longestBlockMs: Math.round(blocks.at(-1) ?? 0),
    p99BlockMs: Math.round(blocks[Math.floor(blocks.length * 0.99)] ?? 0),
  }),
);
