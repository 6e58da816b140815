// Row 1: calls per second, end to end, against the same statements in a tight loop, and against the old design.
import { cpuLine } from "../parts/cpu.ts";
import { measureThroughput } from "../parts/throughput.ts";
import type { Row } from "../row.ts";
import { figure } from "../table.ts";

const BUSINESSES = 200;

export const row: Row = {
  no: 1,
  name: "calls per second",
  target: ">= 0.2 of bare SQL",
  async run(bench) {
    const ours = await measureThroughput(bench, { businesses: BUSINESSES, leadsEach: bench.full ? 100 : 5, workers: 1 });
    return {
      reached: `${figure(ours.callsPerSecond)} calls/s`,
      met: false,
      figures: { ...ours.figures },
      lines: [cpuLine(ours.cores), ...ours.statements],
    };
  },
};
