// What happens to whom, in which order: pure, and the same for the same seed. When each blow lands depends on the
// machine; what was done is in the log of the drill.
import type { Moment } from "../../src/runs/engine.ts";
import { seeded, type Random } from "../support/random.ts";

export type Blow =
  | { kind: "kill" | "terminate"; who: string; restartMs: number }
  | { kind: "freeze"; who: string; forMs: number }
  | { kind: "killAt"; who: string; moment: Moment; nth: number; restartMs: number }
  | { kind: "freezeAt"; who: string; moment: Moment; nth: number; forMs: number }
  | { kind: "postgres"; how: "immediate" | "fast" }
  | { kind: "postgresFreeze"; forMs: number }
  | { kind: "disconnect"; connections: number }
  | { kind: "reap"; killAt: Moment | null }
  /** Every worker dies and stays dead for longer than the TTL; then cron's reaper comes, and a person resumes. */
  | { kind: "blackout" };

export const WORKERS = ["worker1", "worker2", "worker3"];

const WORKER_MOMENTS: readonly Moment[] = [
  "claim.committed",
  "begin.committed",
  "post.answered",
  "placed.storing",
  "placed.stored",
];

/** How often each comes up, in a hundred. */
const MIX: [number, (random: Random) => Blow][] = [
  [22, (r) => ({ kind: "kill", who: r.pick(WORKERS), restartMs: r.below(1_500) })],
  [22, (r) => at("killAt", r.pick(WORKERS), r.pick(WORKER_MOMENTS), r)],
  [10, (r) => ({ kind: "freeze", who: r.pick(WORKERS), forMs: 2_500 + r.below(2_500) })],
  [10, (r) => at("freezeAt", r.pick(WORKERS), r.pick(WORKER_MOMENTS), r)],
  [8, (r) => ({ kind: "terminate", who: r.pick(WORKERS), restartMs: r.below(800) })],
  [5, (r) => ({ kind: "kill", who: "api", restartMs: r.below(800) })],
  [6, (r) => at("killAt", "api", "news.applying", r)],
  [2, (r) => at("freezeAt", "api", "news.applying", r)],
  [1, (r) => ({ kind: "freeze", who: "api", forMs: 1_000 + r.below(2_000) })],
  [2, (r) => ({ kind: "terminate", who: "api", restartMs: r.below(500) })],
  [3, () => ({ kind: "postgres", how: "immediate" })],
  [1, () => ({ kind: "postgres", how: "fast" })],
  [1, (r) => ({ kind: "postgresFreeze", forMs: 1_000 + r.below(2_000) })],
  [5, (r) => ({ kind: "disconnect", connections: 1 + r.below(4) })],
  [2, (r) => ({ kind: "reap", killAt: r.pick([null, "reap.started"]) })],
];

function at(kind: "killAt" | "freezeAt", who: string, moment: Moment, r: Random): Blow {
  const nth = 1 + r.below(4);
  return kind === "killAt"
    ? { kind, who, moment, nth, restartMs: r.below(1_500) }
    : { kind, who, moment, nth, forMs: 2_500 + r.below(2_500) };
}

export function planBlows(seed: number, count: number): Blow[] {
  const random = seeded(seed);
  const sum = MIX.reduce((all, [weight]) => all + weight, 0);
  const blows = Array.from({ length: count }, () => {
    let left = random.below(sum);
    const made = MIX.find(([weight]) => (left -= weight) < 0)?.[1] ?? MIX[0]![1];
    return made(random);
  });
  for (const share of count >= 50 ? [0.3, 0.7] : [0.5]) blows[Math.floor(count * share)] = { kind: "blackout" };
  return blows;
}

export interface PlannedRun {
  business: number;
  leads: number;
  concurrency: number;
  /** How the run is ended by a person, and at which share of its leads. */
  ending: { how: "stop" | "hangUp" | "cancel" | "forceCancel"; atShare: number } | null;
}

export interface PlannedScenario {
  /** Each business's limit of calls at once. */
  limits: number[];
  runs: PlannedRun[];
}

const ENDINGS = ["stop", "hangUp", "cancel", "forceCancel"] as const;

/** Four businesses with a few runs each; every third run is ended by a person midway. */
export function planScenario(seed: number, leads: number): PlannedScenario {
  const random = seeded(seed + 1_000_003);
  const limits = [2, 4, 6, 9];
  const count = leads >= 1_000 ? 16 : 8;
  const runs: PlannedRun[] = [];
  let left = leads;
  for (let n = 0; n < count; n++) {
    const share = n === count - 1 ? left : Math.floor((left / (count - n)) * (0.5 + random.below(100) / 100));
    left -= share;
    const ending = n % 3 === 2 ? { how: ENDINGS[Math.floor(n / 3) % 4]!, atShare: 0.2 + random.below(60) / 100 } : null;
    // Business 3 has more slots than business 0, and so more leads.
    const business = [3, 2, 1, 3, 2, 3, 1, 0][n % 8]!;
    runs.push({ business, leads: share, concurrency: 2 + random.below(9), ending });
  }
  return { limits, runs };
}
