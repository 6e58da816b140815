// XLSX -> rows of cells of its first visible sheet, streamed. Holds the compressed file and the table of shared strings in
// memory, never the sheet.

import { posix } from "node:path";

import { CodedError } from "../errors.ts";
import type { ByteReader } from "./bytes.ts";
import { sharedStrings, sheetRows } from "./sheet.ts";
import { Strings } from "./strings.ts";
import type { TableRow } from "./table.ts";
import { attribute, type Attributes, parseXml } from "./xml.ts";
import { Zip } from "./zip.ts";

const MEGABYTE = 1024 * 1024;
/** 100,000 rows of ten columns unpack to some 60 MB. The sheet is streamed, so this bounds time, not memory. */
const MAX_SHEET_BYTES = 400 * MEGABYTE;
/** Kept in memory, so less: 100,000 rows with a name and a note of their own make some 20 MB. */
const MAX_STRINGS_BYTES = 64 * MEGABYTE;
/** The list of sheets, and the lists of which part refers to which. */
const MAX_INDEX_BYTES = 4 * MEGABYTE;

type Relation = { id: string; path: string };

/** @throws import.unreadable, import.too_large */
export async function* workbookRows(bytes: ByteReader): AsyncGenerator<TableRow, void> {
  const zip = await Zip.open(await bytes.all());
  const [workbook] = await relations(zip, "", "officeDocument");
  if (!workbook || workbook.path.endsWith(".bin")) {
    throw new CodedError("import.unreadable", "Not an .xlsx workbook: save the table as .xlsx or .csv");
  }

  const sheetId = await firstVisibleSheet(zip, workbook.path);
  const sheet = (await relations(zip, workbook.path, "worksheet")).find(({ id }) => id === sheetId);
  if (!sheet) throw new CodedError("import.unreadable", "The workbook has no visible sheet");

  const [strings] = await relations(zip, workbook.path, "sharedStrings");
  const texts =
    strings && zip.has(strings.path) ? await sharedStrings(zip.read(strings.path, MAX_STRINGS_BYTES)) : new Strings();
  yield* sheetRows(zip.read(sheet.path, MAX_SHEET_BYTES), texts);
}

async function firstVisibleSheet(zip: Zip, workbook: string): Promise<string | undefined> {
  const sheets: Attributes[] = [];
  await elements(zip, workbook, "sheet", (attributes) => sheets.push(attributes));
  const visible = sheets.find((sheet) => (attribute(sheet, "state") ?? "visible") === "visible");
  return visible && attribute(visible, "id");
}

/** The parts that `part` refers to with a relation of this type; the package itself is the part "". */
async function relations(zip: Zip, part: string, type: string): Promise<Relation[]> {
  const folder = posix.dirname(part);
  const list = posix.join(folder, "_rels", `${posix.basename(part)}.rels`);
  const found: Relation[] = [];
  if (!zip.has(list)) return found;
  await elements(zip, list, "Relationship", (attributes) => {
    const { Id: id = "", Type: is = "", Target: target = "" } = attributes;
    const path = target.startsWith("/") ? target.slice(1) : posix.join(folder, target);
    if (is.endsWith(`/${type}`)) found.push({ id, path });
  });
  return found;
}

async function elements(zip: Zip, part: string, name: string, each: (attributes: Attributes) => void): Promise<void> {
  const pieces = parseXml(zip.read(part, MAX_INDEX_BYTES), {
    open: (element, attributes) => void (element === name && each(attributes)),
  });
  while (!(await pieces.next()).done);
}
