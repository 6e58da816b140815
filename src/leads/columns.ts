// Which column is which: by the titles in a header row, else by what the cells look like. Only the phone column is needed.

import type { CountryCode } from "libphonenumber-js/max";

import { fieldOf, OWNERS, type PhoneField, type TextField, type Title } from "./headers.ts";
import { normalisePhone } from "./phone.ts";
import { cleanLine } from "./text.ts";

/** Rows to judge by. A header stands among the first ten, below a title at most. */
export const SAMPLE_ROWS = 30;
const HEADER_WITHIN = 10;

/** A leading 0, a country code, or something between the digits. */
const WRITTEN_LIKE_PHONE = /^0|^972|\D/;
/** Of two columns of numbers the second is left out only if it has less than this share of the first's. */
const CLEARLY_FEWER = 0.5;

type Sample = readonly (readonly string[])[];

/** 0-based column numbers. Of several phone columns the first that is filled counts, mobiles before others. */
export type Columns = { phone: number[] } & Partial<Record<TextField, number>>;

/** What was taken for what, to show to the user: the column's title, or its 1-based number where there is none. */
export type Mapping = Partial<Record<TextField | "phone" | "other_phone", string | number>>;

type PhoneTitle = { column: number; field: PhoneField; owner: Title["owner"] };

export type Layout = {
  columns: Columns;
  mapping: Mapping;
  /** Index in the sample; undefined: no header. */ header?: number;
};

/** `sample`: the first rows that are not blank. undefined: no column holds phone numbers. */
export function findLayout(sample: Sample, country: CountryCode): Layout | undefined {
  return byTitles(sample, country) ?? byContent(sample, country);
}

function byTitles(sample: Sample, country: CountryCode): Layout | undefined {
  for (const [index, cells] of sample.slice(0, HEADER_WITHIN).entries()) {
    if (cells.some((cell) => normalisePhone(cell, country).ok)) return undefined; // the data has begun
    const columns = titledColumns(cells);
    if (columns.phone.length > 0) return { columns, mapping: mappingOf(columns, cells), header: index };
  }
  return undefined;
}

/** The phone column by its cells, and a header row where there is a word above them. */
function byContent(sample: Sample, country: CountryCode): Layout | undefined {
  const phone = numbersColumn(sample, country);
  if (phone === undefined) return undefined;

  const [first = []] = sample;
  const titles = titledColumns(first);
  if (isTitle(first[phone]) || (Object.keys(titles).length > 1 && !normalisePhone(first[phone], country).ok)) {
    const texts = Object.entries(titles).filter(([, column]) => column !== phone); // `Contact` above numbers is no name
    const columns = { ...Object.fromEntries(texts), phone: [phone] };
    return { columns, mapping: mappingOf(columns, first), header: 0 };
  }
  const name = namesColumn(sample);
  const columns: Columns = { phone: [phone], ...(name !== undefined && { name }) };
  return { columns, mapping: mappingOf(columns, []) };
}

/**
 * The column of most valid numbers, if they are most of what is in it. Cells written like phone numbers come before bare
 * digits, which may be a company's number or a price. undefined also where another column is about as good: half of the
 * guesses would ring at a stranger's.
 */
function numbersColumn(sample: Sample, country: CountryCode): number | undefined {
  const candidates = Array.from({ length: widthOf(sample) }, (_, column) => numbersIn(sample, column, country));
  const mostlyValid = candidates.filter(({ valid, invalid }) => valid > invalid);
  const written = mostlyValid.filter(({ valid, likePhones }) => likePhones > valid / 2);
  const [best, second] = (written.length > 0 ? written : mostlyValid).toSorted((a, b) => b.valid - a.valid);
  if (best === undefined || (second !== undefined && second.valid >= best.valid * CLEARLY_FEWER)) return undefined;
  return best.column;
}

function numbersIn(sample: Sample, column: number, country: CountryCode) {
  const cells = sample.map((row) => ({ text: row[column] ?? "", phone: normalisePhone(row[column], country) }));
  const valid = cells.filter(({ phone }) => phone.ok);
  const invalid = cells.filter(
    ({ text, phone }, row) => !phone.ok && phone.reason === "invalid_phone" && !(row === 0 && isTitle(text)),
  );
  const likePhones = valid.filter(({ text }) => WRITTEN_LIKE_PHONE.test(text.trim()));
  return { column, valid: valid.length, invalid: invalid.length, likePhones: likePhones.length };
}

/** Words, and not a number that someone wrote a word beside. */
function isTitle(cell = ""): boolean {
  return /\p{L}/u.test(cell) && cell.replace(/\D/g, "").length < 5;
}

/** Without titles, the first column that holds mostly words is taken for the name. */
function namesColumn(sample: Sample): number | undefined {
  for (let column = 0; column < widthOf(sample); column += 1) {
    const filled = sample.map((cells) => cells[column]?.trim() ?? "").filter((cell) => cell !== "");
    const words = filled.filter((cell) => /^\P{N}*\p{L}\P{N}*$/u.test(cell));
    if (words.length > filled.length / 2) return column;
  }
  return undefined;
}

/** The first column of each title counts; phone columns are all kept, mobiles first. */
function titledColumns(cells: readonly string[]): Columns {
  const phones: PhoneTitle[] = [];
  const texts: Partial<Record<TextField, number>> = {};
  for (const [column, cell] of cells.entries()) {
    const title = fieldOf(cell);
    if (title === undefined) continue;
    const { field, owner } = title;
    if (field === "mobile" || field === "phone") phones.push({ column, field, owner });
    else texts[field] ??= column;
  }
  return { ...texts, phone: phoneColumns(phones) };
}

/** Those most surely the lead's own and no others, not even to fill an empty cell: the agent beside them is no lead. */
function phoneColumns(titles: readonly PhoneTitle[]): number[] {
  const surest = OWNERS.find((owner) => titles.some((title) => title.owner === owner));
  const own = titles.filter(({ owner }) => owner === surest);
  const mobiles = own.filter(({ field }) => field === "mobile");
  const others = own.filter(({ field }) => field === "phone");
  return [...mobiles, ...others].map(({ column }) => column);
}

function mappingOf({ phone, ...texts }: Columns, titles: readonly string[]): Mapping {
  const titleOf = (column: number) => cleanLine(titles[column]) ?? column + 1;
  const [first, second] = phone;
  const mapping: Mapping = {};
  if (first !== undefined) mapping.phone = titleOf(first);
  if (second !== undefined) mapping.other_phone = titleOf(second);
  for (const [field, column] of Object.entries(texts)) mapping[field as TextField] = titleOf(column);
  return mapping;
}

function widthOf(sample: Sample): number {
  return Math.max(0, ...sample.map((cells) => cells.length));
}
