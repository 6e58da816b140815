// Writes workbooks as small as Excel would accept them, so that tests can also write the ones that it would not.

import { crc32, deflateRawSync } from "node:zlib";

export type Cell = string | number | null;

const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';
const REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/** `sharedStrings`: texts as Excel keeps them; otherwise inline, as many exporters do. */
export function xlsxOf(rows: readonly (readonly Cell[])[], { sharedStrings = true } = {}): Buffer {
  const strings = new Map<string, number>();
  const cellXml = (cell: Cell, reference: string) => {
    if (cell === null) return "";
    if (typeof cell === "number") return `<c r="${reference}"><v>${cell}</v></c>`;
    if (!sharedStrings) return `<c r="${reference}" t="inlineStr"><is><t>${escape(cell)}</t></is></c>`;
    const index = strings.get(cell) ?? strings.size;
    strings.set(cell, index);
    return `<c r="${reference}" t="s"><v>${index}</v></c>`;
  };
  const rowsXml = rows.map((cells, index) => {
    const row = index + 1;
    return `<row r="${row}">${cells.map((cell, column) => cellXml(cell, letters(column) + row)).join("")}</row>`;
  });
  const sheet = `${HEAD}<worksheet ${MAIN}><sheetData>${rowsXml.join("")}</sheetData></worksheet>`;
  const items = [...strings.keys()].map((text) => `<si><t xml:space="preserve">${escape(text)}</t></si>`);
  return zipOf(workbookParts(sheet, `${HEAD}<sst ${MAIN}>${items.join("")}</sst>`));
}

/** The parts around a sheet, for tests that write the sheet's XML themselves. */
export function workbookParts(
  sheet: string | Buffer,
  strings = `${HEAD}<sst ${MAIN}/>`,
): Record<string, string | Buffer> {
  const relations = (...list: [id: string, type: string, target: string][]) =>
    `${HEAD}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
    list.map(([id, type, target]) => `<Relationship Id="${id}" Type="${REL}/${type}" Target="${target}"/>`).join("") +
    "</Relationships>";
  return {
    "_rels/.rels": relations(["rId1", "officeDocument", "xl/workbook.xml"]),
    "xl/workbook.xml":
      `${HEAD}<workbook ${MAIN} xmlns:r="${REL}"><sheets><sheet name="Hidden" sheetId="1" state="hidden" r:id="rId9"/>` +
      '<sheet name="Leads" sheetId="2" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": relations(
      ["rId9", "worksheet", "worksheets/sheet9.xml"],
      ["rId1", "worksheet", "/xl/worksheets/sheet1.xml"],
      ["rId2", "sharedStrings", "sharedStrings.xml"],
    ),
    "xl/sharedStrings.xml": strings,
    "xl/worksheets/sheet9.xml": `${HEAD}<worksheet ${MAIN}><sheetData/></worksheet>`,
    "xl/worksheets/sheet1.xml": sheet,
  };
}

/** `declared`: sizes to lie about, by name. */
export function zipOf(parts: Record<string, string | Buffer>, declared: Record<string, number> = {}): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(parts)) {
    const data = Buffer.from(content);
    const packed = deflateRawSync(data, { level: 1 });
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0); // version needed
    common.writeUInt16LE(8, 4); // deflate
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(declared[name] ?? data.length, 18);
    common.writeUInt16LE(name.length, 22);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(20, 4);
    common.copy(entry, 6);
    entry.writeUInt32LE(offset, 42);
    central.push(entry, Buffer.from(name));
    local.push(Buffer.from("PK\u0003\u0004", "latin1"), common, Buffer.from(name), packed);
    offset += 4 + common.length + name.length + packed.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(central.length / 2, 8);
  end.writeUInt16LE(central.length / 2, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...local, directory, end]);
}

function letters(column: number): string {
  return column < 26 ? String.fromCharCode(65 + column) : letters(Math.floor(column / 26) - 1) + letters(column % 26);
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
