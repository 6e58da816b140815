import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { normalisePhone } from "../../src/leads/phone.ts";
import { INVALID, mobile, spelled } from "../support/leads.ts";
import { seeded } from "../support/random.ts";

const SEED = Number(process.env["SEED"] ?? 1);

describe("normalisePhone", () => {
  const SAME = [
    "050-234-5678",
    "050-2345678",
    "0502345678",
    "502345678", // Excel ate the zero
    "(050) 2345678",
    "050.234.5678",
    "050/2345678",
    "050.2345678",
    "50.2345678",
    "+972502345678",
    "+972 50 234 5678",
    "+972-(0)50-234-5678",
    "972502345678",
    "972-50-234-5678",
    "9720502345678",
    "00972502345678",
    "00 972 50 234 5678",
    "tel:+972-50-234-5678",
    '="0502345678"',
    "'0502345678",
    "  0502345678\t",
    "\u200e050\u2011234\u20115678\u200f",
    "\u202a+972 50\u2013234\u20135678\u202c",
    "050\u00a0234\u00a05678",
    "050\u05be2345678",
    "\u0660\u0665\u0660\u0662\u0663\u0664\u0665\u0666\u0667\u0668", // Arabic-Indic
    "\u06f0\u06f5\u06f0\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7\u06f8", // Persian
    "\uff10\uff15\uff10\uff0d\uff12\uff13\uff14\uff15\uff16\uff17\uff18", // full-width
  ];
  for (const raw of SAME) {
    it(`takes ${JSON.stringify(raw)} for +972502345678`, () => {
      assert.deepEqual(normalisePhone(raw), { ok: true, e164: "+972502345678" });
    });
  }

  const OTHERS: [string, string][] = [
    ["03-612-3456", "+97236123456"],
    ["36123456", "+97236123456"],
    ["03.612.3456", "+97236123456"],
    ["3.6123456", "+97236123456"],
    ["02-62-12023", "+97226212023"],
    ["2-621-2023", "+97226212023"],
    ["+972 3 612 3456", "+97236123456"],
    ["077-234-5678", "+972772345678"],
    ["+1 202-555-0123", "+12025550123"],
    ["001 202 555 0123", "+12025550123"],
    ["+44 20 7946 0958", "+442079460958"],
    ["1-800-123-456", "+9721800123456"],
  ];
  for (const [raw, e164] of OTHERS)
    it(`takes ${raw} for ${e164}`, () => assert.deepEqual(normalisePhone(raw), { ok: true, e164 }));

  for (const raw of ["050-123-4567", "0501234567", "501234567", "972501234567", "+972 50 123 4567", "(050) 1234567"])
    it(`takes ${raw}, though the library knows nobody in that range`, () =>
      assert.deepEqual(normalisePhone(raw), { ok: true, e164: "+972501234567" }));

  it("reads a number without + as one of the given country", () => {
    assert.deepEqual(normalisePhone("(202) 555-0123", "US"), { ok: true, e164: "+12025550123" });
    assert.deepEqual(normalisePhone("+972502345678", "US"), { ok: true, e164: "+972502345678" });
  });

  for (const raw of [undefined, null, "", "   ", "-", "\u00a0\u200f", "--/--", '=""']) {
    it(`misses a number in ${JSON.stringify(raw)}`, () => {
      assert.deepEqual(normalisePhone(raw), { ok: false, reason: "missing_phone" });
    });
  }

  const REFUSED = [
    ...INVALID,
    "5.02345E+08",
    "050-2345678 ext. 12",
    "050-2345678;12",
    "050-2345678 x12",
    "0502345678 דנה",
    "050-2345678 / 052-3456789",
    "1-800-FLOWERS",
    "1-900-123456",
    "1-700-123-456",
    "151-50-2345678",
    "*1234",
    "101",
    "112",
    "1201",
    "12025550123", // a foreign number without +
    "+972",
    "+",
    "+999123456789",
    "05023456789",
    "0.502345678e9",
    "²³⁴",
    "0".repeat(100),
    "2024-01-15", // dates
    "2024/1/15",
    "20240115",
    "25/03/1984",
    "25.03.1984",
    "31-12-2023",
    "12/31/2023",
    "31 12 2023",
    "312345.67", // decimals: an amount, a number as a float, a longitude, a share
    "50123456.0",
    "501234567.0",
    "34.781768",
    "0.36123456",
    "-312345.67",
  ];
  for (const raw of REFUSED) {
    it(`refuses ${JSON.stringify(raw.slice(0, 30))}`, () => {
      const result = normalisePhone(raw);
      assert.deepEqual(result, { ok: false, reason: raw === "+" ? "missing_phone" : "invalid_phone" });
    });
  }

  it("finds every spelling of a number to be that number", () => {
    const random = seeded(SEED);
    for (let n = 0; n < 5000; n += 1) {
      const raw = spelled(mobile(n, SEED), random);
      assert.deepEqual(normalisePhone(raw), { ok: true, e164: `+972${mobile(n, SEED)}` }, `${raw} (SEED=${SEED})`);
    }
  });

  it("never throws, and what it accepts it accepts again", () => {
    const random = seeded(SEED);
    const alphabet = [
      "0",
      "5",
      "2",
      "9",
      "7",
      "+",
      "-",
      " ",
      "(",
      ")",
      "*",
      "e",
      "א",
      "\u0000",
      "\ud800",
      "\u200f",
      "٣",
      "²",
      "𝟘",
      ";",
      "=",
    ];
    for (let n = 0; n < 20_000; n += 1) {
      const raw = Array.from({ length: random.below(20) }, () =>
        random.below(8) === 0 ? String.fromCharCode(random.below(0x10000)) : random.pick(alphabet),
      ).join("");
      const result = normalisePhone(raw, random.pick(["IL", "US", "GB"]));
      if (!result.ok) continue;
      assert.match(result.e164, /^\+[1-9]\d{3,14}$/, `${JSON.stringify(raw)} (SEED=${SEED})`);
      assert.deepEqual(normalisePhone(result.e164), result, `${JSON.stringify(raw)} (SEED=${SEED})`);
    }
  });

  it("is fast enough for a long list", (t) => {
    const random = seeded(SEED);
    const numbers = Array.from({ length: 20_000 }, (_, n) => spelled(mobile(n, SEED), random));
    // By what it takes of the processor: a machine that is busy with something else is no slower at this.
    const started = process.threadCpuUsage();
    for (const number of numbers) normalisePhone(number);
    const { user, system } = process.threadCpuUsage(started);
    const perSecond = Math.round((numbers.length / (user + system)) * 1e6);
    t.diagnostic(`${perSecond} numbers a second`);
    assert.ok(perSecond > 5000, `${perSecond} a second`);
  });
});
