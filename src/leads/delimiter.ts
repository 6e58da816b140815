// Which character separates the columns, judged from the beginning of the text. Naively counts outside quotes, and asks
// which candidate gives every row the same number of columns.

const CANDIDATES = [",", ";", "\t", "|"] as const;
/** Enough rows to outvote a title line and a few ragged ones. */
const SAMPLE_ROWS = 100;

/** Excel's own hint, a first line `sep=;`, which it does not show as a row. */
const SEP_LINE = /^"?sep=([^\r\n])"?[^\S\r\n]*(?:\r\n|\n|\r)/i;

export type Dialect = { delimiter: string; /** Characters at the start that are no row. */ skip: number };

export function dialectOf(head: string): Dialect {
  const hint = SEP_LINE.exec(head);
  if (hint?.[1] !== undefined) return { delimiter: hint[1], skip: hint[0].length };

  const counts = CANDIDATES.map((delimiter) => ({ delimiter, ...agreement(separatorsPerRow(head, delimiter)) }));
  const best = counts.reduce((a, b) => (b.rows > a.rows || (b.rows === a.rows && b.columns > a.columns) ? b : a));
  return { delimiter: best.delimiter, skip: 0 };
}

/** The most common number of separators above zero, and how many rows have it. */
function agreement(separators: number[]): { rows: number; columns: number } {
  const rowsByCount = new Map<number, number>();
  for (const count of separators) if (count > 0) rowsByCount.set(count, (rowsByCount.get(count) ?? 0) + 1);
  let best = { rows: 0, columns: 0 };
  for (const [columns, rows] of rowsByCount) {
    if (rows > best.rows || (rows === best.rows && columns > best.columns)) best = { rows, columns };
  }
  return best;
}

/** A quote opens a cell only at its start: the one in `בע"מ` is a letter like any other. */
function separatorsPerRow(head: string, delimiter: string): number[] {
  const rows: number[] = [];
  let count = 0;
  let quoted = false;
  let atCellStart = true;
  for (const character of head) {
    if (quoted) {
      if (character === '"') quoted = false;
    } else if (character === "\n" || character === "\r") {
      rows.push(count);
      if (rows.length === SAMPLE_ROWS) return rows;
      count = 0;
      atCellStart = true;
    } else if (character === delimiter) {
      count += 1;
      atCellStart = true;
    } else if (character === '"' && atCellStart) {
      quoted = true;
    } else {
      atCellStart = false;
    }
  }
  if (rows.length === 0) rows.push(count);
  return rows;
}
