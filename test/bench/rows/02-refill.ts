// Row 2: how long a freed slot stays empty, as the carrier sees it, against the old design's loop.
import { refillGaps, refills, refillSteps, STEPS } from "../parts/gaps.ts";
import { runOldLoops } from "../parts/oldLoop.ts";
import { percentile, rounded } from "../parts/statistics.ts";
import { callsOf, measureSteadyCalls } from "../parts/steadyCalls.ts";
import { SLOTS } from "../parts/throughput.ts";
import { inScope } from "../parts/within.ts";
import type { Row } from "../row.ts";
import { figure } from "../table.ts";

const [P50_MS, P99_MS, BETTER] = [15, 60, 50];
/** Three calls a second in all: the machine stays idle, and a minute gives some hundred and seventy gaps. */
const BUSINESSES = 3;
const CALL_MS = 3_000;

const of = (gaps: readonly number[]) => ({
  p50: percentile(gaps, 0.5),
  p95: percentile(gaps, 0.95),
  p99: percentile(gaps, 0.99),
});

export const row: Row = {
  no: 2,
  name: "refill gap, completed to next call",
  target: `p50 < ${P50_MS} ms, p99 < ${P99_MS} ms, ${BETTER} times better than the old loop`,
  async run(bench) {
    const forMs = bench.full ? 300_000 : 60_000;
    const load = { businesses: BUSINESSES, callMs: CALL_MS, forMs };
    const steady = await inScope(bench, (own) => measureSteadyCalls(own, load));
    const old = await inScope(bench, async (own) => {
      const carrier = { scripts: callsOf(CALL_MS) };
      const standIn = await runOldLoops(own, { runs: BUSINESSES, slots: SLOTS, forMs: 20_000, carrier });
      return refillGaps(await standIn.events());
    });
    const gaps = refillGaps(steady.events);
    const [ours, theirs] = [of(gaps), of(old)];
    const steps = refillSteps(refills(steady.events), steady.times);
    const step = (n: number, p: number) =>
      percentile(
        steps.map((one) => one[n]!),
        p,
      );
    const stepLine = (name: string, n: number) =>
      `${name} ${figure(step(n, 0.5))} ms (p95 ${figure(step(n, 0.95))}, p99 ${figure(step(n, 0.99))})`;
    const better = theirs.p50 / ours.p50;
    return {
      reached: `p50 ${ours.p50} ms, p99 ${ours.p99} ms, ${figure(better)} times better (old: ${figure(theirs.p50)} ms)`,
      met: ours.p50 < P50_MS && ours.p99 < P99_MS && better >= BETTER,
      figures: {
        gaps: gaps.length,
        p50_ms: ours.p50,
        p95_ms: ours.p95,
        p99_ms: ours.p99,
        times_better: rounded(better),
        old_gaps: old.length,
        old_p50_ms: theirs.p50,
        old_p95_ms: theirs.p95,
        old_p99_ms: theirs.p99,
        ...Object.fromEntries(
          STEPS.flatMap((_, n) => [
            [`step_${n + 1}_p50_ms`, rounded(step(n, 0.5))],
            [`step_${n + 1}_p99_ms`, rounded(step(n, 0.99))],
          ]),
        ),
        ...steady.figures,
      },
      lines: [
        `${gaps.length} gaps, p95 ${ours.p95} ms; the old loop: p95 ${theirs.p95} ms, p99 ${theirs.p99} ms`,
        `from the carrier's callback to ${STEPS.map(stepLine).join(", ")}`,
      ],
    };
  },
};
