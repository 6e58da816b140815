// Which column is which: by the titles in a header row, else by what the cells look like. Only the phone column is needed.

import type { CountryCode } from "libphonenumber-js/max";

import { fieldOf, OWNERS, type PhoneField, saysNone, type TextField, type Title } from "./headers.ts";
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

/**
 * The row above the data with most of the titles we know: `Phone list` may stand above it. Rows whose phone column holds
 * a number come first, but a known title is trusted even above numbers that are all wrong.
 */
function byTitles(sample: Sample, country: CountryCode): Layout | undefined {
  const holdsNumber = (cells: readonly string[], columns: number[]) =>
    columns.some((column) => normalisePhone(cells[column], country).ok);
  const data = sample.findIndex((cells) => holdsNumber(cells, [...cells.keys()]));
  const above = sample.slice(0, data === -1 ? HEADER_WITHIN : Math.min(data, HEADER_WITHIN));

  const headers = above
    .map((cells, header) => ({ cells, header, columns: titledColumns(cells), known: knownTitles(cells) }))
    .filter(({ columns }) => columns.phone.length > 0)
    .toSorted((a, b) => b.known - a.known);
  const rows = sample.slice(above.length);
  const found = headers.find(({ columns }) => rows.some((cells) => holdsNumber(cells, columns.phone))) ?? headers[0];
  return found && { columns: found.columns, mapping: mappingOf(found.columns, found.cells), header: found.header };
}

function knownTitles(cells: readonly string[]): number {
  return cells.filter((cell) => fieldOf(cell)?.owner === "lead").length;
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

/** A title and a note like `no phone` do not speak against a column. */
function numbersIn(sample: Sample, column: number, country: CountryCode) {
  const counts = { column, valid: 0, invalid: 0, likePhones: 0 };
  for (const [row, { [column]: text = "" }] of sample.entries()) {
    const phone = normalisePhone(text, country);
    if (phone.ok) {
      counts.valid += 1;
      if (WRITTEN_LIKE_PHONE.test(text.trim())) counts.likePhones += 1;
    } else if (phone.reason === "invalid_phone" && !saysNone(text) && !(row === 0 && isTitle(text))) {
      counts.invalid += 1;
    }
  }
  return counts;
}

/** Words, and not a number that someone wrote a word beside. */
function isTitle(cell = ""): boolean {
  return /\p{L}/u.test(cell) && !saysNone(cell) && cell.replace(/\D/g, "").length < 5;
}

/** Without titles, the first column that holds mostly words is taken for the name. */
function namesColumn(sample: Sample): number | undefined {
  for (let column = 0; column < widthOf(sample); column += 1) {
    const filled = sample.map((cells) => cells[column]?.trim() ?? "").filter((cell) => cell !== "");
    const words = filled.filter((cell) => /\p{L}/u.test(cell) && !/\p{N}/u.test(cell));
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
