import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { csvRows } from "../../src/leads/csv.ts";

async function* cut(text: string, size: number) {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

async function rowsOf(text: string, size = 1000): Promise<unknown[]> {
  const rows = [];
  for await (const { row, cells } of csvRows(cut(text, size))) rows.push([row, ...cells]);
  return rows;
}

describe("csvRows", () => {
  for (const delimiter of [",", ";", "\t", "|"]) {
    it(`finds the delimiter ${JSON.stringify(delimiter)}`, async () => {
      const text = ["שם,טלפון;עיר", "דנה,1;חיפה", "a b,2;c"]
        .join("\n")
        .replaceAll(";", delimiter)
        .replaceAll(",", delimiter);
      assert.deepEqual(await rowsOf(text), [
        [1, "שם", "טלפון", "עיר"],
        [2, "דנה", "1", "חיפה"],
        [3, "a b", "2", "c"],
      ]);
    });
  }

  it("is not misled by commas in the text or in quotes", async () => {
    assert.deepEqual(await rowsOf('a;b\n1;"x, y, z; w"\n2;p, q, r\n'), [
      [1, "a", "b"],
      [2, "1", "x, y, z; w"],
      [3, "2", "p, q, r"],
    ]);
  });

  it("obeys Excel's first line sep=, which is no row", async () => {
    assert.deepEqual(await rowsOf("sep=;\r\na;b,c\r\n"), [[1, "a", "b,c"]]);
  });

  it("keeps quoted line breaks, blank lines' numbers, ragged rows and gershayim", async () => {
    const text = 'a,b\r\n"x\r\ny",1\r\n\r\nחברה בע"מ,2,3\r\n"אבי" לוי\r\n"say ""hi""",4';
    for (const size of [1, 5, 1000]) {
      assert.deepEqual(await rowsOf(text, size), [
        [1, "a", "b"],
        [2, "x\r\ny", "1"],
        [3, ""],
        [4, 'חברה בע"מ', "2", "3"],
        [5, '"אבי" לוי'],
        [6, 'say "hi"', "4"],
      ]);
    }
  });

  it("takes any line end, also mixed", async () => {
    assert.deepEqual(await rowsOf("a\r\nb\nc\rd"), [
      [1, "a"],
      [2, "b"],
      [3, "c"],
      [4, "d"],
    ]);
  });

  it("says after which row a quote is never closed, without reading on for ever", async () => {
    await assert.rejects(rowsOf('a,b\n1,"2\n3,4\n'), { code: "import.unreadable", detail: { after_row: 1 } });
    await assert.rejects(rowsOf(`a,b\n1,"${"2\n".repeat(2_000_000)}`, 65_536), { code: "import.unreadable" });
  });

  it("passes on what fails below it, and closes it when the reader stops", async () => {
    let closed = 0;
    const source = async function* (fail: boolean) {
      try {
        for (let n = 0; n < 100_000; n += 1) {
          if (fail && n === 50_000) throw new Error("disk");
          yield "a,b\n";
        }
      } finally {
        closed += 1;
      }
    };
    await assert.rejects(async () => {
      for await (const _ of csvRows(source(true)));
    }, /disk/);
    for await (const { row } of csvRows(source(false))) if (row === 3) break;
    await new Promise(setImmediate);
    assert.equal(closed, 2);
  });
});
