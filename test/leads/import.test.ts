import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";

import { type LeadsSource, readLeads, type ReadOptions } from "../../src/leads/import.ts";
import { csvOf, messyCsv, sheetOf } from "../support/leads.ts";
import { outputOf } from "../support/output.ts";
import { sized } from "../support/sizes.ts";
import { workbookParts, xlsxOf, zipOf } from "../support/xlsx.ts";

const SEED = Number(process.env["SEED"] ?? 1);
const ROWS = sized(25_000, 100_000);

async function readAll(source: LeadsSource | string, options?: ReadOptions) {
  const table = await readLeads(
    typeof source === "string" ? { kind: "file", bytes: Buffer.from(source) } : source,
    options,
  );
  const leads = [];
  const errors = [];
  for await (const batch of table.batches) {
    leads.push(...batch.leads);
    errors.push(...batch.errors);
  }
  return { mapping: table.mapping, hasHeader: table.hasHeader, leads, errors };
}

/** Blank rows that all say that they are the second. */
function secondRows(count: number): LeadsSource {
  const sheet = `<worksheet><row r="1"><c><v>502345678</v></c></row>${'<row r="2"/>'.repeat(count)}</worksheet>`;
  return { kind: "file", bytes: zipOf(workbookParts(sheet)) };
}

const nobody = { name: null, first_name: null, last_name: null, notes: null, city: null };

describe("readLeads", () => {
  it("reads a file, with rows numbered as Excel shows them", async () => {
    const text =
      'שם פרטי,שם משפחה,נייד,הערות\nדנה,כהן,0502345678,"א\nב"\n\nיוסי,,,\nאבי,לוי,0501,\nנועה,,+972 50-234-5678,\n';
    assert.deepEqual(await readAll(text), {
      mapping: { phone: "נייד", first_name: "שם פרטי", last_name: "שם משפחה", notes: "הערות" },
      hasHeader: true,
      leads: [
        {
          row: 2,
          phone_e164: "+972502345678",
          name: "דנה כהן",
          first_name: "דנה",
          last_name: "כהן",
          notes: "א\nב",
          city: null,
        },
      ],
      errors: [
        { row: 4, code: "missing_phone" },
        { row: 5, code: "invalid_phone", value: "0501" },
        { row: 6, code: "duplicate_phone", value: "+972 50-234-5678", first_row: 2 },
      ],
    });
  });

  it("falls back to the other phone only where the mobile is empty", async () => {
    const { leads, errors } = await readAll("phone,mobile\n03-6123456,\n03-6123457,0502345678\n03-6123458,wrong\n");
    assert.deepEqual(
      leads.map((lead) => lead.phone_e164),
      ["+97236123456", "+972502345678"],
    );
    assert.deepEqual(errors, [{ row: 4, code: "invalid_phone", value: "wrong" }]);
  });

  it("reports an empty number, whoever else's is beside it", async () => {
    const { leads, errors } = await readAll("שם,טלפון,נייד סוכן\nדנה,,0502345678\n");
    assert.deepEqual(leads, []);
    assert.deepEqual(errors, [{ row: 2, code: "missing_phone" }]);
  });

  it("reads a bare list of numbers", async () => {
    assert.deepEqual(await readAll("0502345678\n0523456789"), {
      mapping: { phone: 1 },
      hasHeader: false,
      leads: [
        { row: 1, phone_e164: "+972502345678", ...nobody },
        { row: 2, phone_e164: "+972523456789", ...nobody },
      ],
      errors: [],
    });
  });

  it("cleans and cuts texts to what the columns take", async () => {
    const name = `  a\u0000b\u0007 \t c${"😀".repeat(300)}`;
    const { leads } = await readAll({
      kind: "rows",
      rows: [{ phone: "0502345678", name, notes: "x\ud800\r\ny\u0000" }],
    });
    assert.equal(Array.from(leads[0]?.name ?? "").length, 255);
    assert.ok(leads[0]?.name?.startsWith("ab c😀"));
    assert.equal(leads[0]?.notes, "x\ny");
  });

  it("reads JSON rows: objects, arrays, bare values; others are blank", async () => {
    const rows: unknown[] = [
      { firstName: "Dana" },
      null,
      { firstName: "Avi", phone_number: 502345678 },
      { phone_number: "x", toString: 1 },
    ];
    const { leads, errors, mapping } = await readAll({ kind: "rows", rows });
    assert.deepEqual(mapping, { phone: "phone_number", first_name: "firstName" });
    assert.deepEqual(leads, [{ row: 3, phone_e164: "+972502345678", ...nobody, name: "Avi", first_name: "Avi" }]);
    assert.deepEqual(errors, [
      { row: 1, code: "missing_phone" },
      { row: 4, code: "invalid_phone", value: "x" },
    ]);

    const bare = await readAll({ kind: "rows", rows: ["0502345678", ["0523456789"], 542345678] });
    assert.deepEqual(
      bare.leads.map(({ row, phone_e164 }) => [row, phone_e164]),
      [
        [1, "+972502345678"],
        [2, "+972523456789"],
        [3, "+972542345678"],
      ],
    );
  });

  const ENCODINGS = ["utf8", "windows-1255", "utf16le", "utf16be"];
  for (const encoding of ENCODINGS) {
    it(`accounts for every row of a messy file in ${encoding} (SEED=${SEED})`, async () => {
      for (const delimiter of [",", ";", "\t"]) {
        for (const odd of [false, true]) {
          // Marks and hints are for the encodings and programs that have them.
          const file = messyCsv({ seed: SEED, delimiter, encoding, bom: odd && encoding !== "windows-1255", sep: odd });
          const { leads, errors, mapping } = await readAll({ kind: "file", bytes: file.bytes });
          const count = (code: string) => errors.filter((error) => error.code === code).length;
          assert.equal(mapping.phone, "מס' טלפון");
          assert.deepEqual(
            {
              leads: leads.length,
              missing: count("missing_phone"),
              invalid: count("invalid_phone"),
              duplicates: count("duplicate_phone"),
            },
            { leads: file.leads, missing: file.missing, invalid: file.invalid, duplicates: file.duplicates },
          );
        }
      }
    });
  }

  it("gives the same leads for a workbook as for a CSV", async () => {
    const csv = await readAll(csvOf(2500, SEED));
    const xlsx = await readAll({ kind: "file", bytes: xlsxOf(sheetOf(2500, SEED)) });
    assert.deepEqual(xlsx.leads, csv.leads);
    assert.equal(csv.leads.length + csv.errors.length, 2500);
  });

  const FAULTS: [code: string, source: LeadsSource | string, options?: ReadOptions][] = [
    ["import.empty", ""],
    ["import.empty", "\ufeff\r\n , \r\n"],
    ["import.empty", "name,phone\r\n"],
    ["import.empty", { kind: "rows", rows: [] }],
    ["import.empty", { kind: "file", bytes: xlsxOf([]) }],
    ["import.no_phone_column", "name,email\na,b\n"],
    ["import.no_phone_column", { kind: "rows", rows: [{ a: 1 }] }],
    ["import.too_large", "phone\n1\n2\n3\n", { maxRows: 2 }],
    ["import.too_large", csvOf(1000, SEED), { maxBytes: 5000 }],
    ["import.unreadable", { kind: "file", bytes: Uint8Array.of(0xd0, 0xcf, 0x11, 0xe0, 0xa1) }],
    ["import.too_large", "\n".repeat(2_001), { maxRowNumber: 2_000 }],
    ["import.too_large", secondRows(2_000), { maxRowNumber: 2_000 }],
    ["import.unreadable", "%PDF-1.7"],
    ["import.unreadable", "\ufeff<html><table>"],
    ["import.unreadable", { kind: "file", bytes: xlsxOf([["phone"]]).subarray(0, 300) }],
    ["import.unreadable", 'phone\n"050'],
  ];
  for (const [code, source, options] of FAULTS) {
    it(`says ${code} for ${JSON.stringify(source).slice(0, 50)}`, () =>
      assert.rejects(readAll(source, options), { code }));
  }

  it("allows exactly as many rows as its limit", async () => {
    assert.equal((await readAll("phone\n0502345678\n0523456789\n", { maxRows: 2 })).leads.length, 2);
    assert.equal((await readAll(secondRows(1_999), { maxRowNumber: 2_000 })).leads.length, 1);
  });

  it("closes the file when the reader stops early, or when it cannot be read", async () => {
    let open = 0;
    const bytes = async function* (text: string) {
      open += 1;
      try {
        for (let n = 0; n < 1000; n += 1) yield Buffer.from(text);
      } finally {
        open -= 1;
      }
    };
    const table = await readLeads({ kind: "file", bytes: bytes("0502345678\n".repeat(1000)) });
    for await (const _ of table.batches) break;
    await assert.rejects(readLeads({ kind: "file", bytes: bytes("a,b\n") }), { code: "import.no_phone_column" });
    await new Promise(setImmediate);
    assert.equal(open, 0);
  });
});

describe(`importing ${ROWS} rows`, () => {
  const files = { "leads.csv": () => csvOf(ROWS, SEED), "leads.xlsx": () => xlsxOf(sheetOf(ROWS, SEED)) };
  for (const [name, content] of Object.entries(files)) {
    it(`peaks below 300 MB and does not block, ${name}`, async (t) => {
      const folder = await mkdtemp(join(tmpdir(), "leads-"));
      t.after(() => rm(folder, { recursive: true }));
      await writeFile(join(folder, name), content());
      const script = join(import.meta.dirname, "../support/import-process.ts");
      const stdout = await outputOf([script, join(folder, name)]);
      const figures = JSON.parse(stdout) as Record<"leads" | "errors" | "peakMb" | "longestBlockMs", number>;
      t.diagnostic(`${name}: ${stdout.trim()}`);
      assert.equal(figures.leads + figures.errors, ROWS);
      assert.ok(figures.leads > 0.99 * ROWS);
      assert.ok(figures.peakMb < 300, `${figures.peakMb} MB`);
      // Ten times what is seen.
      assert.ok(figures.longestBlockMs < 300, `${figures.longestBlockMs} ms`);
    });
  }
});
