// Phone numbers in log output: of known numbers in any spelling, and of anything that looks like one outside of the
// fields that hold times and ids.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Digits that tell one number from another, whatever stands before them: +972 52…, 052…, 52… */
const OWN_DIGITS = 9;
/** Fields of a line that hold long numbers by right. */
const TIMES_AND_IDS = /"(?:time|pid|level|worker|lost|jobId|runId|businessId|hostname)":\s*(?:"[^"]*"|-?[\d.]+),?/g;
/** Uuids, hex hashes, SIDs, source positions, addresses with a port. */
const NOT_NUMBERS =
  /[0-9a-f]{8}-[0-9a-f-]{27}|\b(?:AC|CA)[0-9a-f]{16,}|\b[0-9a-f]{16,}\b|:\d+:\d+|127\.0\.0\.1:\d+|\bvm:\d+/gi;

/** @returns the lines of the folder's logs in which a number can be read, shortened */
export function numbersInLogs(folder: string, known: Iterable<string>): string[] {
  const own = new Set([...known].map((number) => number.replace(/\D/g, "").slice(-OWN_DIGITS)));
  const found: string[] = [];
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".log"))) {
    for (const line of readFileSync(join(folder, name), "utf8").split("\n"))
      if (holdsNumber(line, own)) found.push(`${name}: ${line.slice(0, 200)}`);
  }
  return found;
}

export function holdsNumber(line: string, own: ReadonlySet<string>): boolean {
  const bare = line.replace(TIMES_AND_IDS, "").replace(NOT_NUMBERS, " ");
  const runs = bare.match(/\+?\d(?:[\s().%-]{0,2}\d){6,}/g) ?? [];
  return runs.some((run) => {
    const digits = run.replace(/\D/g, "");
    for (let at = 0; at + OWN_DIGITS <= digits.length; at++)
      if (own.has(digits.slice(at, at + OWN_DIGITS))) return true;
    return /^\+\d{8,15}$|^0\d{8,9}$|^972\d{8,9}$/.test(run.replace(/[\s().-]/g, ""));
  });
}
