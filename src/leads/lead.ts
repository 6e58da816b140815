// One row of cells -> one lead or one reason why not. The first row with a number keeps it; later ones are duplicates.

import type { CountryCode } from "libphonenumber-js/max";

import type { Columns } from "./columns.ts";
import { normalisePhone, type PhoneFault } from "./phone.ts";
import type { TableRow } from "./table.ts";
import { cleanLine, cleanText } from "./text.ts";

/** Enough of a rejected number to recognise it. */
const VALUE_LENGTH = 64;

export type ImportedLead = {
  row: number;
  phone_e164: string;
  name: string | null;
  first_name: string | null;
  last_name: string | null;
  notes: string | null;
  city: string | null;
};
/** `first_row`: the row of this file that has the same number and was kept. */
export type RowError = {
  row: number;
  code: PhoneFault | "duplicate_phone";
  value?: string;
  first_row?: number;
};

/** `firstRowOf`: the numbers seen so far, by their rows. A new one is added. */
export function leadOf(
  { row, cells }: TableRow,
  columns: Columns,
  country: CountryCode,
  firstRowOf: Map<string, number>,
): ImportedLead | RowError {
  const { raw, phone } = phoneOf(cells, columns, country);
  const value = cleanLine(raw, VALUE_LENGTH);
  if (!phone.ok) return { row, code: phone.reason, ...(value !== null && { value }) };

  const first_row = firstRowOf.get(phone.e164);
  if (first_row !== undefined) return { row, code: "duplicate_phone", ...(value !== null && { value }), first_row };
  firstRowOf.set(phone.e164, row);
  return { row, phone_e164: phone.e164, ...textsOf(cells, columns) };
}

/** Of several phone columns the first that says something: a wrong mobile number is reported, not replaced. */
function phoneOf(cells: readonly string[], columns: Columns, country: CountryCode) {
  for (const column of columns.phone) {
    const phone = normalisePhone(cells[column], country);
    if (phone.ok || phone.reason !== "missing_phone") return { raw: cells[column], phone };
  }
  return { raw: undefined, phone: { ok: false, reason: "missing_phone" } as const };
}

/** A full name is put together from its parts where the file has only those; it is never taken apart. */
function textsOf(cells: readonly string[], columns: Columns): Omit<ImportedLead, "row" | "phone_e164"> {
  const cell = (column: number | undefined) => (column === undefined ? undefined : cells[column]);
  const first_name = cleanLine(cell(columns.first_name));
  const last_name = cleanLine(cell(columns.last_name));
  return {
    name: cleanLine(cell(columns.name)) ?? cleanLine([first_name, last_name].filter((part) => part !== null).join(" ")),
    first_name,
    last_name,
    notes: cleanText(cell(columns.notes)),
    city: cleanLine(cell(columns.city)),
  };
}
