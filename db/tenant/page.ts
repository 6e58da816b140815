// Keyset pages: the place in a list is the id of the last row seen, so that rows added meanwhile shift nothing.

/** Where a page begins: the id of the last row of the page before; undefined for the first page. */
export type Mark = number | undefined;

export interface Page<T> {
  items: T[];
  /** Where the next page begins; null on the last one. */
  next: number | null;
}

/** Cuts rows, read with one more than the page holds, into a page. */
export function pageOf<T extends { id: number }>(rows: T[], size: number): Page<T> {
  const items = rows.slice(0, size);
  return { items, next: rows.length > size ? (items.at(-1)?.id ?? null) : null };
}
