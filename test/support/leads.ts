// Lists of people as they really arrive: spreadsheets from several programs, several decades and two keyboards.

import iconv from "iconv-lite";

import { type Random, seeded } from "./random.ts";
import type { Cell } from "./xlsx.ts";

const FIRST_NAMES = ["דנה", "יוסי", "Avi", "נועה", "אורלי", "Michael", "שרה", "איתי"];
const LAST_NAMES = ["כהן", "לוי", "Mizrahi", "פרץ", "ביטון", 'אבו-סנ"ה', "O'Neill"];
const CITIES = ["תל אביב", "חיפה", 'ראשל"צ', "באר שבע", "Haifa"];

/** The nth valid Israeli mobile number, without its leading zero: 8,000,000 different ones, scattered by `seed`. */
export function mobile(n: number, seed = 1): string {
  const scattered = (n * 7_654_321 + seed * 104_729) % 8_000_000; // coprime, so no two meet
  return `50${2_000_000 + scattered}`;
}

/** `n` rows of mostly distinct valid numbers: one in 500 repeats an earlier one. Columns: name, phone, city, notes. */
export function rowsOf(n: number, seed: number): [name: string, phone: string, city: string, notes: string][] {
  const random = seeded(seed);
  return Array.from({ length: n }, (_, index) => {
    const number = mobile(index > 0 && random.below(500) === 0 ? random.below(index) : index, seed);
    return [
      `${random.pick(FIRST_NAMES)} ${random.pick(LAST_NAMES)} ${index}`,
      spelled(number, random),
      random.pick(CITIES),
      `ליד ${index}`,
    ];
  });
}

export function csvOf(n: number, seed: number): string {
  const rows = rowsOf(n, seed).map((cells) => cells.map((cell) => quoted(cell, ",")).join(","));
  return `${["שם מלא", "טלפון נייד", "עיר", "הערות"].join(",")}\r\n${rows.join("\r\n")}\r\n`;
}

/** The same people as `csvOf`, with the numbers as Excel holds them: half of them numeric cells. */
export function sheetOf(n: number, seed: number): Cell[][] {
  const people = rowsOf(n, seed).map(([name, phone, city, notes], index): Cell[] => {
    const digits = phone.replace(/\D/g, "");
    return [name, index % 2 === 0 ? Number(digits) : phone, city, notes];
  });
  return [["שם מלא", "טלפון נייד", "עיר", "הערות"], ...people];
}

/** One number in one of the ways people write it. `national` has no leading zero. */
export function spelled(national: string, random: Random): string {
  const [area, middle, last] = [national.slice(0, 2), national.slice(2, 5), national.slice(5)];
  return random.pick([
    `0${area}-${middle}-${last}`,
    `0${area}-${middle}${last}`,
    `0${national}`,
    national,
    `972${national}`,
    `+972${national}`,
    `+972 ${area} ${middle} ${last}`,
    `+972-(0)${area}-${middle}-${last}`,
    `00972${national}`,
    `(0${area}) ${middle}${last}`,
    `0${area}.${middle}.${last}`,
    `\u200e0${area}\u2013${middle}\u2013${last}\u200f`,
    `0${area}\u00a0${middle}\u00a0${last}`,
  ]);
}

export type MessyFile = { bytes: Buffer; leads: number; missing: number; invalid: number; duplicates: number };
export type MessyOptions = {
  seed: number;
  rows?: number;
  delimiter?: string;
  encoding?: string;
  bom?: boolean;
  sep?: boolean;
};

/** A file with everything wrong that is commonly wrong, and how many rows must come out as what. */
export function messyCsv({
  seed,
  rows = 300,
  delimiter = ",",
  encoding = "utf8",
  bom = false,
  sep = false,
}: MessyOptions): MessyFile {
  const random = seeded(seed);
  const lines = [
    ["מס' טלפון", "שם פרטי", "שם משפחה", "הערות"].map((title) => quoted(title, delimiter)).join(delimiter),
  ];
  const counts = { leads: 0, missing: 0, invalid: 0, duplicates: 0 };
  const number = () => spelled(mobile(random.below(counts.leads), seed), random);
  for (let row = 0; row < rows; row += 1) {
    let phone = spelled(mobile(counts.leads, seed), random);
    const fate = counts.leads === 0 ? 99 : random.below(100);
    if (fate < 5) [phone, counts.missing] = [random.pick(["", "  ", "-", "\u00a0"]), counts.missing + 1];
    else if (fate < 10) [phone, counts.invalid] = [random.pick(INVALID), counts.invalid + 1];
    else if (fate < 15) [phone, counts.duplicates] = [number(), counts.duplicates + 1];
    else counts.leads += 1;
    const notes = random.pick(["", "לחזור בערב", `שורה ראשונה\nשורה${delimiter} שנייה`, 'אמר "אולי"', 'חברה בע"מ']);
    const cells = [phone, random.pick(FIRST_NAMES), random.pick(LAST_NAMES), notes].map((cell) =>
      quoted(cell, delimiter),
    );
    lines.push((random.below(10) === 0 ? cells.slice(0, 2) : cells).join(delimiter)); // one in ten is ragged
    if (random.below(40) === 0) lines.push(random.pick(["", delimiter.repeat(3)]));
  }
  const text = `${sep ? `sep=${delimiter}\r\n` : ""}${lines.join("\r\n")}\r\n`;
  return { bytes: iconv.encode(text, encoding, { addBOM: bom }), ...counts };
}

export const INVALID = [
  "5.01235E+08",
  "0501",
  "אין טלפון",
  "050-CALL-NOW",
  "*2700",
  "100",
  "03-6123456 שלוחה 5",
  "99999999999999",
];

/** Some programs leave out the quotes where a cell does not start with one: `בע"מ` stays as it is. */
function quoted(cell: string, delimiter: string): string {
  return cell.startsWith('"') || cell.includes(delimiter) || cell.includes("\n")
    ? `"${cell.replaceAll('"', '""')}"`
    : cell;
}
