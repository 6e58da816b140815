// A worksheet's XML -> rows of cell texts. Numbers come out as plain digits, never as 5.01E+08: a phone number typed into
// Excel is a number there.

import { CodedError } from "../errors.ts";
import { Strings } from "./strings.ts";
import { MAX_COLUMNS, type TableRow } from "./table.ts";
import { type Attributes, parseXml } from "./xml.ts";

/** Excel's own limit on the text of one cell. */
const MAX_CELL_LENGTH = 32_767;
/** Excel's own limit on the cells of one row. */
const EXCEL_COLUMNS = 16_384;
/**
 * 200,000 rows with a page of notes each. A shared text counts each time that a cell says its number: so a file of a few
 * hundred kilobytes could hold a terabyte.
 */
const MAX_TEXT_LENGTH = 400_000_000;

/** Workbooks keep each distinct text once. Phonetic guides (`rPh`) are not part of the text. */
export async function sharedStrings(xml: AsyncIterable<Uint8Array>): Promise<Strings> {
  const strings = new Strings();
  const text = new CellText();
  const pieces = parseXml(xml, {
    open: (name) => {
      if (name === "si") text.clear();
      text.open(name);
    },
    text: (part) => text.add(part),
    close: (name) => {
      text.close(name);
      if (name === "si") strings.add(text.value);
    },
  });
  while (!(await pieces.next()).done);
  return strings;
}

/** @throws import.unreadable, import.too_large */
export async function* sheetRows(xml: AsyncIterable<Uint8Array>, strings: Strings): AsyncGenerator<TableRow, void> {
  const ready: TableRow[] = [];
  const text = new CellText();
  let row = 0;
  let column = -1;
  let type = "n";
  let cells: string[] = [];
  let cellsInRow = 0;
  let textLength = 0;
  const pieces = parseXml(xml, {
    open: (name, attributes) => {
      if (name === "row") {
        row = rowOf(attributes) ?? row + 1;
        cells = [];
        cellsInRow = 0;
        column = -1;
      } else if (name === "c") {
        cellsInRow += 1;
        if (cellsInRow > EXCEL_COLUMNS) throw tooLarge("A row has too many cells", { max_cells: EXCEL_COLUMNS });
        column = columnOf(attributes) ?? column + 1;
        type = attributes["t"] ?? "n";
        text.clear();
      }
      text.open(name);
    },
    text: (part) => text.add(part),
    close: (name) => {
      text.close(name);
      if (name === "row") ready.push({ row, cells });
      else if (name === "c" && column < MAX_COLUMNS) {
        while (cells.length < column) cells.push("");
        const value = cellText(type, text.value, strings);
        textLength += value.length;
        if (textLength > MAX_TEXT_LENGTH)
          throw tooLarge("The cells hold too much text", { max_length: MAX_TEXT_LENGTH });
        cells[column] = value;
      }
    },
  });
  for await (const _ of pieces) yield* ready.splice(0);
}

function cellText(type: string, value: string, strings: Strings): string {
  if (type === "s") return strings.at(Number(value)) ?? "";
  if (type === "n") return plainNumber(value);
  return type === "e" ? "" : value; // an error such as #N/A is no content
}

/** The file may say 9.72501234567E11 where the cell holds 972501234567; what is no whole number stays as written. */
function plainNumber(value: string): string {
  const number = Number(value);
  return value !== "" && Number.isSafeInteger(number) ? String(number) : value;
}

/** What the file says, if it is a row's number at all. Programs may leave it out; then the row follows the one before it. */
function rowOf(attributes: Attributes): number | undefined {
  const row = Number(attributes["r"]);
  return Number.isSafeInteger(row) && row > 0 ? row : undefined;
}

/** "C7" -> 2. Programs may leave the reference out; then the cell follows the one before it. */
function columnOf(attributes: Attributes): number | undefined {
  const reference = attributes["r"];
  if (reference === undefined) return undefined;
  let column = 0;
  for (let at = 0; at < reference.length; at += 1) {
    const letter = reference.charCodeAt(at) - 64;
    if (letter < 1 || letter > 26) break;
    column = column * 26 + letter;
  }
  return column - 1;
}

/** Gathers the text inside `t` and `v`, which the parser hands out in parts. */
class CellText {
  value = "";
  #within = false;
  #phonetic = false;

  clear(): void {
    this.value = "";
  }

  open(name: string): void {
    if (name === "rPh") this.#phonetic = true;
    else if (name === "t" || name === "v") this.#within = true;
  }

  close(name: string): void {
    if (name === "rPh") this.#phonetic = false;
    else if (name === "t" || name === "v") this.#within = false;
  }

  add(part: string): void {
    const room = MAX_CELL_LENGTH - this.value.length;
    if (this.#within && !this.#phonetic && room > 0) this.value += part.length > room ? part.slice(0, room) : part;
  }
}

function tooLarge(message: string, limit: Record<string, number>): CodedError {
  return new CodedError("import.too_large", message, limit);
}
