// Row 1: calls per second end to end, against the same statements in a tight loop, and against the old design.
import { measureBareSql } from "../parts/bare.ts";
import { runOldLoops } from "../parts/oldLoop.ts";
import { cpuFigures, cpuLine } from "../parts/cpu.ts";
import { rounded } from "../parts/statistics.ts";
import { inScope } from "../parts/within.ts";
import { measureThroughput, SLOTS } from "../parts/throughput.ts";
import type { Row } from "../row.ts";
import { figure } from "../table.ts";

const BUSINESSES = 200;
const TARGET = 0.2;
/** The old design's loops do not meet: what a few of them do in a short time, ten times as many would do tenfold. */
const OLD_RUNS = 20;
const OLD_FOR_MS = 10_000;

export const row: Row = {
  no: 1,
  name: "calls per second, end to end",
  target: `>= ${TARGET} of bare SQL`,
  async run(bench) {
    const { full } = bench;
    const bare = await inScope(bench, (own) =>
      measureBareSql(own, { businesses: BUSINESSES, leadsEach: full ? 300 : 100, forMs: full ? 30_000 : 10_000 }),
    );
    bench.say(`bare SQL: ${figure(bare.callsPerSecond)} calls/s`);
    const ours = await inScope(bench, (own) =>
      measureThroughput(own, {
        businesses: BUSINESSES,
        leadsEach: full ? 100 : 30,
        workers: 1,
        longestMs: full ? 600_000 : 60_000,
      }),
    );
    const oldPerSecond = await inScope(bench, async (own) => {
      const load = { runs: OLD_RUNS, slots: SLOTS, forMs: OLD_FOR_MS, carrier: { preset: "instant" } } as const;
      const report = await (await runOldLoops(own, load)).report();
      return (report.accepted / OLD_FOR_MS) * 1000;
    });
    const ratio = ours.callsPerSecond / bare.callsPerSecond;
    return {
      reached: `${ratio.toFixed(2)} (${figure(ours.callsPerSecond)} of ${figure(bare.callsPerSecond)} calls/s)`,
      met: ratio >= TARGET,
      figures: {
        ratio: rounded(ratio),
        ...ours.figures,
        bare_sql_calls_per_s: rounded(bare.callsPerSecond),
        bare_sql_calls: bare.calls,
        old_loop_calls_per_s: rounded(oldPerSecond),
        old_loop_runs: OLD_RUNS,
        ...cpuFigures(bare.cores, "bare_sql_cpu"),
      },
      lines: [
        cpuLine(ours.cores),
        `bare SQL: ${cpuLine(bare.cores)}`,
        `old loop: ${figure(oldPerSecond)} calls/s of ${OLD_RUNS} runs, ${figure(oldPerSecond / OLD_RUNS)} of each: at most ` +
          `${figure((oldPerSecond / OLD_RUNS) * BUSINESSES)} of ${BUSINESSES}, with nothing stored and a thread for each`,
        ...ours.profile,
      ],
    };
  },
};
