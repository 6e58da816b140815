// Row 9: two and four worker processes on one Postgres, with one API, against one worker under the same load.
import { cpuFigures, cpuLine } from "../parts/cpu.ts";
import { rounded } from "../parts/statistics.ts";
import { measureThroughput, type Throughput } from "../parts/throughput.ts";
import { inScope } from "../parts/within.ts";
import type { Row } from "../row.ts";
import { figure } from "../table.ts";

/** On a machine without cores to spare more processes cannot be faster; they must not be slower either. */
const TARGET = 0.95;

export const row: Row = {
  no: 9,
  name: "two and four workers against one",
  target: `>= ${TARGET} of one, each`,
  async run(bench) {
    const measure = async (workers: number): Promise<Throughput> => {
      const load = {
        businesses: 200,
        leadsEach: bench.full ? 50 : 10,
        workers,
        longestMs: bench.full ? 300_000 : 40_000,
      };
      const made = await inScope(bench, (own) => measureThroughput(own, load));
      bench.say(`${workers}: ${figure(made.callsPerSecond)} calls/s`);
      return made;
    };
    const [one, two, four] = [await measure(1), await measure(2), await measure(4)];
    const [ofTwo, ofFour] = [two, four].map((made) => made.callsPerSecond / one.callsPerSecond) as [number, number];
    return {
      reached: `${ofTwo.toFixed(2)} and ${ofFour.toFixed(2)} (one: ${figure(one.callsPerSecond)} calls/s)`,
      met: ofTwo >= TARGET && ofFour >= TARGET,
      figures: {
        one_calls_per_s: rounded(one.callsPerSecond),
        two_calls_per_s: rounded(two.callsPerSecond),
        four_calls_per_s: rounded(four.callsPerSecond),
        ...cpuFigures(one.cores, "one_cpu"),
        ...cpuFigures(two.cores, "two_cpu"),
        ...cpuFigures(four.cores, "four_cpu"),
      },
      lines: [`one: ${cpuLine(one.cores)}`, `two: ${cpuLine(two.cores)}`, `four: ${cpuLine(four.cores)}`],
    };
  },
};
