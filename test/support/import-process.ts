// A process that imports one file and nothing else, so that its peak memory is the import's: prints one JSON line.

import { createReadStream } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

import { readLeads } from "../../src/leads/import.ts";

const MEGABYTE = 1024 * 1024;
const path = process.argv[2] ?? "";

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const started = performance.now();
const table = await readLeads({ kind: "file", bytes: createReadStream(path) });
let leads = 0;
let errors = 0;
for await (const batch of table.batches) {
  leads += batch.leads.length;
  errors += batch.errors.length;
}
delay.disable();
console.log(
  JSON.stringify({
    leads,
    errors,
    seconds: Number(((performance.now() - started) / 1000).toFixed(1)),
    peakMb: Math.round((process.resourceUsage().maxRSS * 1024) / MEGABYTE),
    longestBlockMs: Math.round(delay.max / 1e6),
    p99BlockMs: Math.round(delay.percentile(99) / 1e6),
  }),
);
