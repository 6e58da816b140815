// The table at the end of `make call`.
import type { CallSummary } from "./callList.ts";

/** Outcomes in words, in the order in which people ask for them. */
const OUTCOMES: [string, string][] = [
  ["completed", "answered"],
  ["no-answer", "no answer"],
  ["busy", "busy"],
  ["failed", "failed"],
  ["canceled", "ended by the carrier"],
  ["rejected", "refused by the carrier"],
  ["outcome_unknown", "outcome unknown"],
  ["cancelled", "cancelled before the call"],
  ["not called", "not called"],
];
const REASONS: Record<string, string> = {
  missing_phone: "no phone number",
  invalid_phone: "invalid number",
  duplicate_phone: "number twice in the list",
  already_queued: "already queued or live in another run",
};
/** Ends without a call of ours. */
const NOT_CALLED = new Set(["cancelled", "not called"]);

export function printSummary(summary: CallSummary): void {
  const { called, skipped } = summary;
  const sum = (counts: Iterable<number>) => [...counts].reduce((all, n) => all + n, 0);
  const uncalled = sum([...called].filter(([outcome]) => NOT_CALLED.has(outcome)).map(([, n]) => n));
  const lines: [string, number][] = [["called", sum(called.values()) - uncalled]];
  for (const [outcome, words] of OUTCOMES)
    if (called.has(outcome) && !NOT_CALLED.has(outcome)) lines.push([`  ${words}`, called.get(outcome) ?? 0]);
  if (uncalled > 0) lines.push(["not called", uncalled]);
  lines.push(["skipped", sum(skipped.values())]);
  for (const [reason, n] of skipped) lines.push([`  ${REASONS[reason] ?? reason}`, n]);
  lines.push(["rows in all", summary.rows]);
  const width = Math.max(...lines.map(([words]) => words.length)) + 2;
  console.log(`\n${lines.map(([words, n]) => `${words.padEnd(width)}${String(n).padStart(8)}`).join("\n")}`);
  if (summary.status) console.log(`\nthe run is ${summary.status}`);
}
