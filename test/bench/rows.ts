// The rows, in order. Each is a file of rows/ that begins with its number and exports `row`; a row is loaded only when it
// is to run, so that one that is being written cannot stop the others.
import { readdirSync } from "node:fs";
import type { Row } from "./row.ts";

const FOLDER = new URL("rows/", import.meta.url);

/** `asked`: "2" or "1,9"; empty: all of them, those for full sizes only when asked for. */
export async function chooseRows(asked: string, full: boolean): Promise<Row[]> {
  const wanted = asked.split(/[\s,]+/).filter(Boolean);
  const files = readdirSync(FOLDER)
    .filter((name) => /^\d\d-.*\.ts$/.test(name))
    .sort();
  const known = new Map(files.map((name) => [String(Number.parseInt(name, 10)), name]));
  const unknown = wanted.filter((no) => !known.has(no));
  if (unknown.length > 0)
    throw new Error(`no such row: ${unknown.join(", ")}; there are ${[...known.keys()].join(", ")}`);
  const rows: Row[] = [];
  for (const [no, name] of known) {
    if (wanted.length > 0 && !wanted.includes(no)) continue;
    const { row } = (await import(new URL(name, FOLDER).href)) as { row: Row };
    if (wanted.length > 0 || full || !row.fullOnly) rows.push(row);
  }
  return rows;
}
