// A row of the benchmark: what it measures, what it wants to reach, and what came of it.
import type { Scope } from "../support/postgres.ts";

export interface Row {
  /** 1 to 10, as in `make bench ROW=2`. */
  no: number;
  name: string;
  /** In words: ">= 0.2 of bare SQL". */
  target: string;
  /** Too long for every day: only with FULL=1. */
  fullOnly?: true;
  run(bench: Bench): Promise<Outcome>;
}

export interface Bench {
  /** Full sizes. */
  full: boolean;
  seed: number;
  /** A migrated database to use instead of the benchmark's own server: for tests. */
  databaseUrl?: string;
  /** The row's own: what was opened last closes first, and before the next row begins. */
  scope: Scope;
  /** Progress, on standard error. */
  say(line: string): void;
}

/** Throw instead when the row could not be measured, or when an invariant was broken: a fast wrong answer is no result. */
export interface Outcome {
  /** One cell: "0.21 (312 of 1,480 calls/s)". */
  reached: string;
  met: boolean;
  /** Everything measured, with units in the names: for comparing runs. */
  figures: Record<string, number | string>;
  /** What does not fit into the cell, printed below the table. */
  lines?: string[];
}
