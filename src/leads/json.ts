// Rows that arrive as JSON -> the same rows of cells as a file gives: row 0 holds the keys as titles, the first row is 1.

import { turns } from "./pause.ts";
import { MAX_COLUMNS, type TableRow } from "./table.ts";

/** Objects by key, arrays by position, a bare string or number as a row of one cell. Anything else is a blank row. */
export async function* jsonRows(rows: readonly unknown[]): AsyncGenerator<TableRow, void> {
  const titles = await titlesOf(rows);
  if (titles.length > 0) yield { row: 0, cells: titles };
  for (const [index, row] of rows.entries()) yield { row: index + 1, cells: cellsOf(row, titles) };
}

/** Every key that any row has: rows may leave out what is empty. */
async function titlesOf(rows: readonly unknown[]): Promise<string[]> {
  const titles = new Set<string>();
  const turnIsOver = turns();
  for (const row of rows) {
    const others = turnIsOver();
    if (others) await others;
    if (!isRecord(row)) continue;
    for (const key of Object.keys(row)) if (titles.size < MAX_COLUMNS) titles.add(key);
  }
  return [...titles];
}

function cellsOf(row: unknown, titles: readonly string[]): string[] {
  if (Array.isArray(row)) return row.slice(0, MAX_COLUMNS).map(cellText);
  if (isRecord(row)) return titles.map((title) => (Object.hasOwn(row, title) ? cellText(row[title]) : ""));
  return [cellText(row)];
}

function isRecord(row: unknown): row is Record<string, unknown> {
  return typeof row === "object" && row !== null && !Array.isArray(row);
}

function cellText(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
