// One phone number as people write it -> E.164, or a reason. Never throws and never guesses: what libphonenumber does
// not call valid is reported, because a guessed digit rings at a stranger's.

import { parsePhoneNumberFromString, type CountryCode, type NumberType, type PhoneNumber } from "libphonenumber-js/max";

export type PhoneFault = "missing_phone" | "invalid_phone";
export type NormalisedPhone = { ok: true; e164: string } | { ok: false; reason: PhoneFault };

/** Longer than any number with its spacing. A whole note in the phone column is not worth parsing. */
const MAX_LENGTH = 64;

// Bidi marks, zero-width characters, soft hyphens: they come along when a number is copied from a right-to-left page.
const INVISIBLE = /[\p{Cf}\u034f]/gu;
const DASH = /[\p{Pd}\u2212]/gu;
/** Digits with the punctuation people put between them. Anything else (letters, `*`, `#`, `;`, two numbers) is refused. */
const DIALLABLE = /^\+?[\d\s().\-/]+$/;
/** Day and month in either order, the year in front or behind: `25/03/1984` without its strokes is a number in Jerusalem. */
const DATE = /^(?:(?:19|20)\d\d([-/. ])\d{1,2}\1\d{1,2}|[0-3]?\d([-/. ])[0-3]?\d\2(?:19|20)\d\d)$/;
/** `20240115`. The library takes it for 02-024-0115, but behind an area code no number begins with 0. */
const BARE_DATE = /^20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$/;
/**
 * An amount, a coordinate, or a number that a program made a float: `50123456.0` would gain a digit. In a phone number a
 * single dot stands behind the area code, with seven digits after it (`03.6123456`, `50.2345678`).
 */
const DECIMAL = /^-?(?:0\.\d+|[1-9]\d{3,}\.\d+|[1-9]\d{0,2}\.\d{1,6})$/;
const SAYS_SOMETHING = /[\p{L}\p{N}]/u;
/** Excel's ways to keep a leading zero: `="0501234567"` and `'0501234567`; and `tel:` of a link. */
const WRAPPING = /^(?:=?\s*"(.*)"|'(.*)|tel:(.*))$/is;

/** Valid, yet not a person's line: dialling them costs money by the minute or reaches a mailbox. */
const NOT_CALLED: ReadonlySet<NumberType> = new Set(["PREMIUM_RATE", "SHARED_COST", "VOICEMAIL", "PAGER"]);

/** 050 to 059 and seven digits. */
const ISRAELI_MOBILE = /^\+9725\d{8}$/;

/**
 * `missing_phone`: nothing there (empty, blanks, "-"). `invalid_phone`: something, but no number we may dial.
 *
 * Decisions: an extension is refused (it cannot be dialled, and the main number is someone else's); so are letters
 * (no vanity numbers), Excel's `5.01235E+08` (the digits are gone), dates and decimals, star and short codes, and
 * premium and shared-cost lines (in Israel 1-900 and 1-700). Toll-free and company-wide numbers pass. Numbers without `+` belong to `country`.
 * Valid means that the range is in use, as far as the library knows. Israeli mobile numbers count whenever they have the
 * right form: its ranges lag behind the ministry's, and a lead who is skipped for years-old metadata is a lead lost.
 */
export function normalisePhone(raw: string | null | undefined, country: CountryCode = "IL"): NormalisedPhone {
  if (raw === null || raw === undefined) return { ok: false, reason: "missing_phone" };
  if (raw.length > MAX_LENGTH) return { ok: false, reason: raw.trim() === "" ? "missing_phone" : "invalid_phone" };

  const text = unwrap(plainDigits(raw));
  if (!SAYS_SOMETHING.test(text)) return { ok: false, reason: "missing_phone" };
  if (!DIALLABLE.test(text) || isOtherFigure(text)) return { ok: false, reason: "invalid_phone" };

  const digits = text.replace(/\D/g, "");
  const e164 = text.startsWith("+") ? callable(`+${digits}`, country) : fromNational(digits, country);
  return e164 === undefined ? { ok: false, reason: "invalid_phone" } : { ok: true, e164 };
}

function isOtherFigure(text: string): boolean {
  return DATE.test(text) || BARE_DATE.test(text) || DECIMAL.test(text);
}

/** The library strips the country's own dialling code and international prefix; `00` is written everywhere, so try it too. */
function fromNational(digits: string, country: CountryCode): string | undefined {
  return callable(digits, country) ?? (digits.startsWith("00") ? callable(`+${digits.slice(2)}`, country) : undefined);
}

function callable(digits: string, country: CountryCode): string | undefined {
  const parsed: PhoneNumber | undefined = parsePhoneNumberFromString(digits, {
    defaultCountry: country,
    extract: false,
  });
  if (parsed === undefined) return undefined;
  if (!parsed.isValid() && !ISRAELI_MOBILE.test(parsed.number)) return undefined;
  const type = parsed.getType();
  return type !== undefined && NOT_CALLED.has(type) ? undefined : parsed.number;
}

function plainDigits(raw: string): string {
  if (/^[\d+\- ]*$/.test(raw)) return raw.trim(); // most numbers: spare them three passes
  const text = raw.normalize("NFKC").replace(INVISIBLE, "").replace(DASH, "-").trim();
  return text.replace(/\p{Nd}/gu, digitValue);
}

/** Arabic keyboards type digits of their own; NFKC has already made full-width ones plain. */
function digitValue(digit: string): string {
  const code = digit.charCodeAt(0);
  if (code >= 0x0660 && code <= 0x0669) return String(code - 0x0660); // Arabic-Indic
  if (code >= 0x06f0 && code <= 0x06f9) return String(code - 0x06f0); // Persian, Urdu
  return digit;
}

function unwrap(text: string): string {
  const match = WRAPPING.exec(text);
  return match ? (match[1] ?? match[2] ?? match[3] ?? "").trim() : text;
}
