// What becomes of a call: who answers, who is busy, and how long each step takes. Presets, rules, and seeded chance.

import { draw, within, type Span } from "./random.ts";
import { Rules, type Match } from "./rules.ts";

export type Outcome = "answered" | "busy" | "no-answer" | "failed";

/** How the steps of a call are timed, in milliseconds, each counted from the step before it. */
export interface Timing {
  /** From acceptance (or from its turn, with `cps`) to `initiated`. */
  initiateAfterMs: Span;
  /** From `initiated` to `ringing`, or to `failed` for an outcome that never rings. */
  ringAfterMs: Span;
  /** From `ringing` to `in-progress` or `busy`. Longer than the request's Timeout: `no-answer`. */
  answerAfterMs: Span;
  /** From `ringing` to `no-answer`, at most the request's Timeout; without it, the Timeout itself. */
  noAnswerAfterMs?: Span;
  /** From `in-progress` to `completed`, at most the request's TimeLimit. */
  talkMs: Span;
}

/** A rule for some numbers. What it does not name comes from the preset. */
export interface ScriptRule extends Match, Partial<Timing> {
  /** One outcome, or the weights of several (they need not add up to 1). Default: the preset's mix. */
  outcome?: Outcome | Partial<Record<Outcome, number>>;
}

export type Preset = "realistic" | "fast" | "instant";

/** The preset's times and mix. `fast`: 0.3 s for a whole call at most; `instant`: no ring and no talk time. */
const PRESETS: Record<Preset, Timing> = {
  realistic: {
    initiateAfterMs: [20, 150],
    ringAfterMs: [350, 700],
    answerAfterMs: [2_000, 8_000],
    talkMs: [3_000, 20_000],
  },
  fast: {
    initiateAfterMs: 2,
    ringAfterMs: [10, 40],
    answerAfterMs: [20, 80],
    noAnswerAfterMs: [80, 150],
    talkMs: [30, 120],
  },
  instant: { initiateAfterMs: 0, ringAfterMs: 0, answerAfterMs: 0, noAnswerAfterMs: 0, talkMs: 0 },
};

const PRESET_MIX: Record<Preset, Partial<Record<Outcome, number>>> = {
  realistic: { answered: 65, "no-answer": 20, busy: 10, failed: 5 },
  fast: { answered: 1 },
  instant: { answered: 1 },
};

/** The life of one call, decided: all times in milliseconds. */
export interface Script {
  outcome: Outcome;
  initiateAfterMs: number;
  ringAfterMs: number;
  /** From ringing to the answer, the busy tone or the give-up. */
  pickUpAfterMs: number;
  talkMs: number;
}

/** Decides what becomes of each call. The same seed, number and how-manieth call give the same script. */
export class Scripts {
  #rules: Rules<ScriptRule>;
  readonly #seed: number;
  readonly #preset: Preset;

  constructor(preset: Preset, seed: number, rules: readonly ScriptRule[]) {
    this.#preset = preset;
    this.#seed = seed;
    this.#rules = new Rules(rules);
  }

  set(rules: readonly ScriptRule[]): void {
    this.#rules = new Rules(rules);
  }

  /** The first rule that speaks about the number decides; `nth` is 1 for the first call to it. Timeout and TimeLimit in seconds. */
  decide(call: { to: string; from: string; nth: number; timeout: number; timeLimit: number }): Script {
    const rule = this.#rules.find(call.to, call.from)[0] ?? {};
    const timing = { ...PRESETS[this.#preset], ...rule };
    const chance = (what: string): number => draw(this.#seed, what, call.to, call.nth);
    const mix = rule.outcome ?? PRESET_MIX[this.#preset];
    let outcome = typeof mix === "string" ? mix : choose(mix, chance("outcome"));
    const timeoutMs = call.timeout * 1000;
    let pickUpAfterMs = within(timing.answerAfterMs, chance("answer"));
    if (outcome === "no-answer") {
      pickUpAfterMs = Math.min(within(timing.noAnswerAfterMs ?? timeoutMs, chance("no-answer")), timeoutMs);
    } else if (outcome !== "failed" && pickUpAfterMs > timeoutMs) {
      outcome = "no-answer";
      pickUpAfterMs = timeoutMs;
    }
    return {
      outcome,
      initiateAfterMs: within(timing.initiateAfterMs, chance("initiate")),
      ringAfterMs: within(timing.ringAfterMs, chance("ring")),
      pickUpAfterMs,
      talkMs: Math.min(within(timing.talkMs, chance("talk")), call.timeLimit * 1000),
    };
  }
}

function choose(mix: Partial<Record<Outcome, number>>, chance: number): Outcome {
  const weights = Object.entries(mix) as [Outcome, number][];
  let left = chance * weights.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [outcome, weight] of weights) {
    left -= weight;
    if (left < 0) return outcome;
  }
  return "answered";
}
