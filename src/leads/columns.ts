// Which column is which: by the titles in a header row, else by what the cells look like. Only the phone column is needed.

import type { CountryCode } from "libphonenumber-js/max";

import { fieldOf, OWNERS, type PhoneField, type TextField, type Title } from "./headers.ts";
import { normalisePhone } from "./phone.ts";
import { cleanLine } from "./text.ts";

/** Rows to judge by. A header stands among the first ten, below a title at most. */
export const SAMPLE_ROWS = 30;
const HEADER_WITHIN = 10;

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

/** The column with most valid numbers, if they are most of what is in it. */
function byContent(sample: Sample, country: CountryCode): Layout | undefined {
  let best = { column: -1, valid: 0 };
  for (let column = 0; column < widthOf(sample); column += 1) {
    const found = sample.map((cells) => normalisePhone(cells[column], country));
    const valid = found.filter(({ ok }) => ok).length;
    const invalid = found.filter((phone) => !phone.ok && phone.reason === "invalid_phone").length;
    if (valid > invalid && valid > best.valid) best = { column, valid };
  }
  if (best.column === -1) return undefined;

  const [first = []] = sample;
  const titles = titledColumns(first);
  if (
    isTitle(first[best.column]) ||
    (Object.keys(titles).length > 1 && !normalisePhone(first[best.column], country).ok)
  ) {
    const columns = { ...titles, phone: [best.column] };
    return { columns, mapping: mappingOf(columns, first), header: 0 };
  }
  const name = namesColumn(sample);
  const columns: Columns = { phone: [best.column], ...(name !== undefined && { name }) };
  return { columns, mapping: mappingOf(columns, []) };
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
