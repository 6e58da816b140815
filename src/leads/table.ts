// The shape every kind of file is reduced to before anyone asks which column is which.

/** `row` is the number a person sees at the left edge in Excel: 1-based, header and blank rows counted. */
export type TableRow = { row: number; cells: readonly string[] };

/** Columns past this are ignored: no list of people is wider, and looking for phone numbers costs time per column. */
export const MAX_COLUMNS = 100;

export function isBlank({ cells }: TableRow): boolean {
  return cells.every((cell) => cell.trim() === "");
}
