// Text -> rows of cells, streamed. Tolerates what office software writes: ragged rows, stray quotes, mixed line ends.

import { pipeline, Readable } from "node:stream";

import { CsvError, parse } from "csv-parse";

import { CodedError } from "../errors.ts";
import { dialectOf } from "./delimiter.ts";
import { MAX_COLUMNS, type TableRow } from "./table.ts";

/** Characters to judge the delimiter by. */
const HEAD_LENGTH = 64 * 1024;
/** One row. Past it, some quote was opened and never closed, and the rest of the file would count as one cell. */
const MAX_ROW_LENGTH = 1024 * 1024;

/**
 * Blank lines are yielded too (one empty cell), so that row numbers agree with what Excel shows.
 * @throws import.unreadable when a quote is never closed
 */
export async function* csvRows(text: AsyncIterable<string>): AsyncGenerator<TableRow, void> {
  const pieces = text[Symbol.asyncIterator]();
  let head = "";
  while (head.length < HEAD_LENGTH) {
    const next = await pieces.next();
    if (next.done) break;
    head += next.value;
  }
  const { delimiter, skip } = dialectOf(head);

  const parser = parse({
    delimiter,
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_column_count: true,
    relax_quotes: true,
    max_record_size: MAX_ROW_LENGTH,
  });
  // pipeline hands a failing source's error to the parser, and closes the source when the reader stops early.
  pipeline(Readable.from(joined(head.slice(skip), pieces)), parser, () => {});

  let row = 0;
  try {
    for await (const cells of parser as AsyncIterable<string[]>) {
      row += 1;
      yield { row, cells: cells.length > MAX_COLUMNS ? cells.slice(0, MAX_COLUMNS) : cells };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new CodedError("import.unreadable", "A quote is opened and never closed", { after_row: error["records"] });
  }
}

async function* joined(head: string, rest: AsyncIterator<string>): AsyncGenerator<string, void> {
  try {
    if (head !== "") yield head;
    for (let next = await rest.next(); !next.done; next = await rest.next()) if (next.value !== "") yield next.value;
  } finally {
    await rest.return?.();
  }
}
