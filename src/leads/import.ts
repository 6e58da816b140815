// A file or JSON rows -> leads and row errors in batches, streamed: memory holds one batch, the numbers seen so far, and
// for XLSX the packed file. Every row that is not blank comes out once, as a lead or as an error.

import type { CountryCode } from "libphonenumber-js/max";

import { CodedError } from "../errors.ts";
import { ByteReader, type Bytes, SLICE_BYTES } from "./bytes.ts";
import { type Columns, findLayout, type Mapping, SAMPLE_ROWS } from "./columns.ts";
import { csvRows } from "./csv.ts";
import { decode } from "./decode.ts";
import { formatOf } from "./format.ts";
import { jsonRows } from "./json.ts";
import { type ImportedLead, leadOf, type RowError } from "./lead.ts";
import { turns } from "./pause.ts";
import { isBlank, type TableRow } from "./table.ts";
import { workbookRows } from "./workbook.ts";

/** One INSERT's worth: large enough to be quick, small enough to stay clear of Postgres' 65,535 parameters. */
const BATCH_ROWS = 1000;
/** A campaign of a million calls is a mistake; so is a request that takes minutes. */
const MAX_ROWS = 200_000;
/** Blank rows cost nothing but time: as many as Excel has, and no more. */
const EXCEL_ROWS = 1_048_576;
/** 200,000 rows with notes; an XLSX of this size would unpack to ten times as much. */
const MAX_BYTES = 64 * 1024 * 1024;

export type LeadsSource = { kind: "file"; bytes: Bytes } | { kind: "rows"; rows: readonly unknown[] };
export type ReadOptions = { country?: CountryCode; maxRows?: number; maxRowNumber?: number; maxBytes?: number };

export type LeadsBatch = { leads: ImportedLead[]; errors: RowError[] };
export type LeadsTable = { mapping: Mapping; hasHeader: boolean; batches: AsyncGenerator<LeadsBatch, void> };

/**
 * Reads as far as is needed to know the columns; `batches` reads the rest and closes the file, so always iterate it.
 * @throws import.empty, import.no_phone_column, import.too_large, import.unreadable. The last two also while iterating,
 *   after batches were handed out: insert them in one transaction.
 */
export async function readLeads(source: LeadsSource, options: ReadOptions = {}): Promise<LeadsTable> {
  const { country = "IL", maxRows = MAX_ROWS, maxRowNumber = EXCEL_ROWS, maxBytes = MAX_BYTES } = options;
  const rows = filled(tableOf(source, maxBytes), maxRowNumber);
  try {
    const sample: TableRow[] = [];
    while (sample.length < SAMPLE_ROWS) {
      const next = await rows.next();
      if (next.done) break;
      sample.push(next.value);
    }
    if (sample.length === 0) throw new CodedError("import.empty", "There are no rows");
    const layout = findLayout(
      sample.map(({ cells }) => cells),
      country,
    );
    if (!layout) throw new CodedError("import.no_phone_column", "No column holds phone numbers");

    const data = sample.slice(layout.header === undefined ? 0 : layout.header + 1).filter(({ row }) => row > 0);
    if (data.length === 0) throw new CodedError("import.empty", "There are no rows below the header");
    return {
      mapping: layout.mapping,
      hasHeader: layout.header !== undefined,
      batches: batches(data, rows, layout.columns, { country, maxRows }),
    };
  } catch (error) {
    await rows.return();
    throw error;
  }
}

async function* tableOf(source: LeadsSource, maxBytes: number): AsyncGenerator<TableRow, void> {
  if (source.kind === "rows") {
    yield* jsonRows(source.rows);
    return;
  }
  const bytes = new ByteReader(source.bytes, maxBytes);
  try {
    const format = formatOf(await bytes.peek(SLICE_BYTES));
    yield* format === "xlsx" ? workbookRows(bytes) : csvRows(decode(bytes));
  } finally {
    await bytes.close();
  }
}

/** Leaves out blank rows, as many as a sheet can have, and gives way to other work. */
async function* filled(rows: AsyncIterable<TableRow>, maxRowNumber: number): AsyncGenerator<TableRow, void> {
  const turnIsOver = turns();
  let count = 0;
  for await (const row of rows) {
    const others = turnIsOver();
    if (others) await others;
    count += 1; // a workbook may give all its rows the same number
    if (Math.max(row.row, count) > maxRowNumber) throw tooManyRows(maxRowNumber);
    if (!isBlank(row)) yield row;
  }
}

async function* batches(
  sample: readonly TableRow[],
  rest: AsyncGenerator<TableRow, void>,
  columns: Columns,
  { country, maxRows }: { country: CountryCode; maxRows: number },
): AsyncGenerator<LeadsBatch, void> {
  const firstRowOf = new Map<string, number>();
  let batch: LeadsBatch = { leads: [], errors: [] };
  let count = 0;
  for await (const row of chained(sample, rest)) {
    count += 1;
    if (count > maxRows) throw tooManyRows(maxRows);
    const lead = leadOf(row, columns, country, firstRowOf);
    if ("code" in lead) batch.errors.push(lead);
    else batch.leads.push(lead);
    if (batch.leads.length + batch.errors.length < BATCH_ROWS) continue;
    yield batch;
    batch = { leads: [], errors: [] };
  }
  if (batch.leads.length + batch.errors.length > 0) yield batch;
}

async function* chained(
  first: readonly TableRow[],
  rest: AsyncGenerator<TableRow, void>,
): AsyncGenerator<TableRow, void> {
  try {
    yield* first;
    yield* rest;
  } finally {
    await rest.return(); // also when the reader stops within the first
  }
}

function tooManyRows(limit: number): CodedError {
  return new CodedError("import.too_large", "There are too many rows", { max_rows: limit });
}
