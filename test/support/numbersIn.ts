// Phone numbers in log output: of known numbers in any spelling, and of anything that looks like one outside of the
// fields that hold times and ids. Knows nothing of how the log takes them out.
import { readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

/** Digits that tell one number from another, whatever stands before them: +972 52…, 052…, 52… */
const OWN_DIGITS = 9;
/** Digits in a row, separators aside, that no figure of ours has. */
const LIKE_A_NUMBER = /\+?\d(?:(?:%20|\\[bfnrt]|\\u00[01][\da-f]|[\s().,\p{Pd}\p{Cf}\u2212/]){0,4}\d){6,}/giu;
/** Fields that hold long numbers by right. */
const TIME_OR_ID = /^(?:time|pid|id|ids|level|found|at|.*(?:_id|_ids|Id|Ids|Ms|At))$/;
/** Tokens, durations, uuids, hashes, SIDs, times, addresses with a port, source positions, a process as `host:pid` or as Node writes it. */
const NOT_NUMBERS = [
  // This machine's name: of containers, one in three hundred has digits only.
  new RegExp(String.raw`(?<![\w-])${hostname().replaceAll(/\W/g, "\\$&")}(?::\d{1,7})?(?![\d.-])`, "g"),
  // A signature may have any digits.
  /\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/g,
  /(?<![\d+.-])\d{1,6}(?:\.\d+)? ?ms\b/g,
  // A process namespace.
  /\bpid:\[\d+\]/g,
  /[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}/gi,
  // (With a pid: a container's host name is such a hash.)
  /\b(?:AC|CA)[\da-f]{16,}|\b(?=\d*[a-f])[\da-f]{12,}\b(?::\d{1,7}(?![\d.-]))?/gi,
  /\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?/g,
  /\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b|\blocalhost:\d{1,5}\b|:\d{1,5}:\d{1,5}\b/g,
  /\(node:\d{1,7}\)|\b[a-z][\w.-]*:\d{1,7}(?![\d.-])/gi,
];

export const ownDigits = (numbers: Iterable<string>): Set<string> =>
  new Set([...numbers].map((number) => number.replace(/\D/g, "").slice(-OWN_DIGITS)));

/** @returns the lines of the folder's logs in which a number can be read, shortened */
export function numbersInLogs(folder: string, known: Iterable<string>): string[] {
  const own = ownDigits(known);
  const found: string[] = [];
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".log"))) {
    for (const line of readFileSync(join(folder, name), "utf8").split("\n"))
      if (holdsNumber(line, own)) found.push(`${name}: ${line.slice(0, 200)}`);
  }
  return found;
}

/** Whether one of `own` can be read anywhere in the line, or any number where no time or id belongs. */
export function holdsNumber(line: string, own: ReadonlySet<string> = new Set()): boolean {
  return textsOf(line).some(looksLikeNumber) || (own.size > 0 && holdsOwn(line, own));
}

function holdsOwn(line: string, own: ReadonlySet<string>): boolean {
  for (const run of plain(line).match(LIKE_A_NUMBER) ?? []) {
    const digits = run.replace(/\D/g, "");
    for (let at = 0; at + OWN_DIGITS <= digits.length; at++)
      if (own.has(digits.slice(at, at + OWN_DIGITS))) return true;
  }
  return false;
}

function looksLikeNumber(text: string): boolean {
  const bare = NOT_NUMBERS.reduce((left, pattern) => left.replace(pattern, " x "), plain(text));
  return bare.search(LIKE_A_NUMBER) >= 0;
}

/** Digits of every script as ours, full-width letters and signs as plain ones, percent signs as what they stand for. */
function plain(text: string): string {
  return text
    .replaceAll(/%2B/gi, "+")
    .normalize("NFKC")
    .replace(/(?!\d)\p{Nd}/gu, (digit) => {
      // Each script has its ten digits in a row.
      let steps = 0;
      while (/\p{Nd}/u.test(String.fromCodePoint(digit.codePointAt(0)! - steps - 1))) steps++;
      return String(steps % 10);
    });
}

/** Every text and number of the line but those of times and ids; a line that is no JSON object is one text. */
function textsOf(line: string): string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return [line];
  }
  const texts: string[] = [];
  const walk = (value: unknown, key: string) => {
    if (typeof value === "string") texts.push(value);
    else if (typeof value === "number") {
      if (!TIME_OR_ID.test(key) && Number.isInteger(value)) texts.push(String(value));
    } else if (Array.isArray(value)) for (const item of value) walk(item, key);
    else if (typeof value === "object" && value !== null)
      for (const [name, inner] of Object.entries(value)) {
        texts.push(name);
        walk(inner, name);
      }
  };
  walk(parsed, "");
  return texts;
}
