// Row 3: how much of the slots' time has a call in it while leads remain.
import { slotUse } from "../parts/gaps.ts";
import { rounded } from "../parts/statistics.ts";
import { measureSteadyCalls } from "../parts/steadyCalls.ts";
import { SLOTS } from "../parts/throughput.ts";
import type { Row } from "../row.ts";

const TARGET = 0.99;
const BUSINESSES = 3;

export const row: Row = {
  no: 3,
  name: "slots in use while leads remain",
  target: ">= 99 % of slot time, calls of 2 s",
  async run(bench) {
    const load = { businesses: BUSINESSES, callMs: 2_000, forMs: bench.full ? 120_000 : 30_000 };
    const steady = await measureSteadyCalls(bench, load);
    const share = slotUse(steady.calls, SLOTS);
    return {
      reached: `${(share * 100).toFixed(1)} %`,
      met: share >= TARGET,
      figures: { slot_use_share: rounded(share, 4), calls: steady.calls.length, ...steady.figures },
    };
  },
};
