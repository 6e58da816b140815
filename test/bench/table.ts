// The table that `make bench` prints. Pure: what was reached in, lines out.
import type { Outcome, Row } from "./row.ts";

export type Measured = Pick<Row, "no" | "name" | "target"> & ({ outcome: Outcome } | { failure: string });

const HEADINGS = ["row", "what", "reached", "target", "met"];

/** A table in Markdown, so that it can go into the README as it is, and below it the rows' further lines. */
export function table(rows: readonly Measured[]): string {
  const cells = [HEADINGS, ...rows.map(cellsOf)];
  const widths = HEADINGS.map((_, at) => Math.max(...cells.map((line) => line[at]!.length)));
  const lines = cells.map((line) => `| ${line.map((cell, at) => cell.padEnd(widths[at]!)).join(" | ")} |`);
  lines.splice(1, 0, `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`);
  const more = rows.flatMap((row) => furtherLines(row).map((line) => `  ${row.no}: ${line}`));
  return [...lines, ...(more.length > 0 ? ["", ...more] : [])].join("\n");
}

function cellsOf(row: Measured): string[] {
  const start = [String(row.no), row.name];
  if ("failure" in row) return [...start, "not measured", row.target, "-"];
  return [...start, row.outcome.reached, row.target, row.outcome.met ? "yes" : "no"];
}

const furtherLines = (row: Measured): string[] =>
  "failure" in row ? row.failure.split("\n") : (row.outcome.lines ?? []);

/** 1480 as "1,480"; below 100 with decimals: three digits that mean something. */
export function figure(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}
