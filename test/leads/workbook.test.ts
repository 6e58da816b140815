import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ByteReader } from "../../src/leads/bytes.ts";
import { workbookRows } from "../../src/leads/workbook.ts";
import { parseXml } from "../../src/leads/xml.ts";
import { workbookParts, xlsxOf, zipOf } from "../support/xlsx.ts";

async function rowsOf(bytes: Uint8Array): Promise<unknown[]> {
  const rows = [];
  for await (const { row, cells } of workbookRows(new ByteReader(bytes, 1e9))) rows.push([row, ...cells]);
  return rows;
}

const sheetFile = (rows: string) => zipOf(workbookParts(`<worksheet><sheetData>${rows}</sheetData></worksheet>`));

describe("workbookRows", () => {
  for (const sharedStrings of [true, false]) {
    it(`reads texts ${sharedStrings ? "shared" : "in the cells"}, and numbers as digits`, async () => {
      const bytes = xlsxOf([["שם", "טלפון"], ["דנה <&> \n", 502345678], [], [null, 972502345678]], { sharedStrings });
      assert.deepEqual(await rowsOf(bytes), [
        [1, "שם", "טלפון"],
        [2, "דנה <&> \n", "502345678"],
        [3],
        [4, "", "972502345678"],
      ]);
    });
  }

  it("writes out exponents and leaves other numbers, formula texts, errors and booleans be", async () => {
    const rows =
      '<row r="7"><c r="B7"><v>9.72502345678E11</v></c><c r="D7" t="str"><f>A1</f><v>0502345678</v></c>' +
      '<c t="e"><v>#N/A</v></c><c><v>1.5</v></c><c t="b"><v>1</v></c></row>';
    assert.deepEqual(await rowsOf(sheetFile(rows)), [[7, "", "972502345678", "", "0502345678", "", "1.5", "1"]]);
  });

  it("reads prefixed elements, rich text without its phonetic guide, and cells without references", async () => {
    const strings =
      '<x:sst xmlns:x="m"><x:si><x:r><x:t>05</x:t></x:r><x:r><x:t>02</x:t></x:r><x:rPh><x:t>zz</x:t></x:rPh></x:si></x:sst>';
    const sheet =
      '<x:worksheet xmlns:x="m"><x:row><x:c t="s"><x:v>0</x:v></x:c><x:c><x:v>2</x:v></x:c></x:row></x:worksheet>';
    assert.deepEqual(await rowsOf(zipOf(workbookParts(sheet, strings))), [[1, "0502", "2"]]);
  });

  it("refuses a sheet that unpacks to too much, before unpacking it", async () => {
    const bomb = zipOf(workbookParts("<worksheet/>"), { "xl/worksheets/sheet1.xml": 2 ** 30 });
    await assert.rejects(rowsOf(bomb), { code: "import.too_large" });
  });

  it("refuses a part that is larger than it says", async () => {
    const liar = zipOf(workbookParts(Buffer.alloc(50_000_000, " ")), { "xl/worksheets/sheet1.xml": 1000 });
    await assert.rejects(rowsOf(liar), { code: "import.unreadable" });
  });

  it("expands no entities of the file's own", async () => {
    const entities = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>';
    const sheet = `${entities}<worksheet><row><c t="str"><v>&b;</v></c></row></worksheet>`;
    await assert.rejects(rowsOf(zipOf(workbookParts(sheet))), { code: "import.unreadable" });
  });

  it("refuses a part that unpacks to a hundred times its size, unless it is small", async () => {
    const spaces = (megabytes: number) => zipOf(workbookParts(`<worksheet>${" ".repeat(megabytes * 1e6)}</worksheet>`));
    assert.deepEqual(await rowsOf(spaces(10)), []);
    await assert.rejects(rowsOf(spaces(20)), { code: "import.too_large" });
  });

  it("takes a row of as many cells as Excel has columns, and no more", async () => {
    const cells = (count: number) => sheetFile(`<row><c t="b"><v>1</v></c>${"<c/>".repeat(count - 1)}</row>`.repeat(2));
    assert.equal((await rowsOf(cells(16_384))).length, 2);
    await assert.rejects(rowsOf(cells(16_385)), { code: "import.too_large" });
  });

  it("cuts a cell's text where Excel does, and counts texts each time that they are used", async () => {
    const strings = `<sst><si><t>${"x".repeat(100_000)}</t></si></sst>`;
    const shared = (rows: number) => {
      const row = `<row>${'<c t="s"><v>0</v></c>'.repeat(100)}</row>`;
      return zipOf(workbookParts(`<worksheet>${row.repeat(rows)}</worksheet>`, strings));
    };
    const [row] = (await rowsOf(shared(1))) as string[][];
    assert.equal(row?.[1]?.length, 32_767);
    let rows = 0;
    const count = async () => {
      for await (const _ of workbookRows(new ByteReader(shared(1000), 1e9))) rows += 1;
    };
    await assert.rejects(count(), { code: "import.too_large" });
    assert.ok(rows > 100 && rows < 200, `${rows}`);
  });

  it("numbers a row after the one before where its own number is none", async () => {
    const rows = ["x", "-3", "0", "1.5", ""].map((r) => `<row r="${r}"/>`).join("");
    assert.deepEqual(await rowsOf(sheetFile(`<row r="7"/>${rows}`)), [[7], [8], [9], [10], [11], [12]]);
  });

  it("calls anything else unreadable", async () => {
    const whole = xlsxOf([["a"]]);
    const broken = [
      whole.subarray(0, 500),
      Buffer.from("PK\u0003\u0004 and more"),
      zipOf({ "a.txt": "a" }),
      sheetFile("<row></c>"),
    ];
    for (const bytes of broken) await assert.rejects(rowsOf(bytes), { code: "import.unreadable" });
  });
});

describe("parseXml", () => {
  async function elementsIn(xml: string, maxElements?: number): Promise<number> {
    let count = 0;
    const pieces = async function* () {
      yield await Promise.resolve(Buffer.from(xml));
    };
    for await (const _ of parseXml(pieces(), { open: () => (count += 1) }, maxElements));
    return count;
  }

  it("refuses elements within elements without end, closed or not", async () => {
    const nested = (depth: number) => `${"<a>".repeat(depth)}${"</a>".repeat(depth)}`;
    assert.equal(await elementsIn(nested(64)), 64);
    assert.equal(
      await elementsIn(`<x>${nested(63).repeat(3)}</x>`),
      190,
      "one after another is not one within another",
    );
    await assert.rejects(elementsIn(nested(65)), { code: "import.unreadable" });
    await assert.rejects(elementsIn("<a>".repeat(10_000)), {
      code: "import.unreadable",
      detail: { cause: "elements are nested too deeply" },
    });
  });

  it("refuses an element of attributes without end", async () => {
    const attributes = (count: number) => Array.from({ length: count }, (_, n) => `a${n}="x"`).join(" ");
    assert.equal(await elementsIn(`<a><b ${attributes(100)}/><b ${attributes(100)}/></a>`), 3);
    await assert.rejects(elementsIn(`<a ${attributes(101)}/>`), { code: "import.unreadable" });
  });

  it("refuses elements without end", async () => {
    assert.equal(await elementsIn(`<a>${"<b/>".repeat(999)}</a>`, 1000), 1000);
    await assert.rejects(elementsIn(`<a>${"<b/>".repeat(1000)}</a>`, 1000), { code: "import.too_large" });
  });
});
