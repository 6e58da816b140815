// What no output may hold, taken out by value: phone numbers, tokens, passwords.

// What a phone number looks like in our data: E.164, Israeli national and international without the plus, as bare digits
// in a sentence, with the separators people use, and digits of other scripts. Times are ISO, ids are JSON numbers or
// short, so neither looks like one. The line is JSON already: a tab between two digits stands there as `\t`.
const BREAK = String.raw`(?:[\s()\p{Pd}\p{Cf}\u2212/]|\\[bfnrt]|\\u00[01][\da-f])`;
const DOTS = BREAK.replace("()", "().");
const UUID = String.raw`[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}`;
/** Not in the middle of a hash, a date or a fraction, nor where an id begins: one in a thousand does as a number does. */
const BEFORE = String.raw`(?:(?<![A-Za-z\d.]|[\da-fA-F]\p{Pd})|(?<=\\[bfnrt]))(?!${UUID})`;
const AFTER = String.raw`(?!\d|\.\d)`;
const number = (pattern: string): [RegExp, string] => [new RegExp(pattern, "giu"), "[number]"];

/** What a word of a JSON string is made of: a bare quote ends the string, an escaped line break or tab the word. */
const IN_WORD = String.raw`(?:[^\s"\\]|\\[^bfnrt])`;

const SECRETS: readonly [RegExp, string][] = [
  number(String.raw`(?:[+＋]|%2B)(?:${DOTS}{0,4}\p{Nd}){7,17}`),
  number(String.raw`${BEFORE}0\d(?:${BREAK}{0,3}\d){7,8}${AFTER}`),
  number(String.raw`${BEFORE}0\d{1,2}\.\d{3}\.?\d{4}${AFTER}`),
  number(String.raw`${BEFORE}(?:00)?972(?:${DOTS}{0,4}\d){8,9}${AFTER}`),
  number(String.raw`${BEFORE}\(?\d{2,3}\)?[\s-]{1,2}\d{3}[\s-]?\d{4}(?!-?\d|\.\d)`),
  number(String.raw`${BEFORE}(?<!":|[_,[/])\d{9,15}(?![A-Za-z\d_]|[.:-]\d)`),
  // No figure of ours is written in another script's digits.
  number(String.raw`(?!\d)\p{Nd}(?:${DOTS}{0,4}\p{Nd}){6,}`),
  // Looked for from the beginning of a word, and only if two dots follow: from each `eyJ` in it, a long word would be read
  // over and over. So would a line of addresses, if a password could hold the beginning of the next.
  [/(?<![\w-])(?=[\w-]+\.[\w-]+\.)([\w-]*?)\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, "$1[token]"],
  // Up to the last @ of the word: people write the one in a password as it is.
  [new RegExp(String.raw`(\bpostgres(?:ql)?://[^:/\s"]*:)(?:(?!postgres(?:ql)?://)${IN_WORD})*@`, "g"), "$1[secret]@"],
  [new RegExp(String.raw`([?&](?:ssl)?password=)(?:(?!&)${IN_WORD})*`, "gi"), "$1[secret]"],
];

/** A line of a stack, and not one of somebody's notes that begins with "at". */
const PLACE = String.raw`[^\S\n]+at [^\n]*:\d+:\d+\)?`;
const PARAMETERS = new RegExp(String.raw`\n[^\S\n]*params:[^]*?(?=\n${PLACE}(?:\n|$)|$)`, "g");
const ONE_PLACE = new RegExp(`^${PLACE}$`);

/**
 * Drizzle puts a statement's parameters into an error's message: people's names, texts and numbers among them. The blanks
 * are those of one line: over many empty ones each line's search would run to the last.
 */
export const withoutParameters = (text: string): string => text.replace(PARAMETERS, "");

/** The places of a stack alone: its head repeats the message. */
export const placesOf = (stack: string | undefined): string[] =>
  (stack ?? "").split("\n").filter((line) => ONE_PLACE.test(line));

/** Removes phone numbers, tokens and passwords from a line of text. */
export function redact(line: string): string {
  let clean = line;
  for (const [pattern, put] of SECRETS) clean = clean.replace(pattern, put);
  return clean;
}
