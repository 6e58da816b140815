// What a person types into a search box, as patterns.
import { ilike, or, type Column, type SQL } from "drizzle-orm";

/** `text` anywhere in one of the names; or in the number, also as people write numbers. Nothing typed: no condition. */
export function searching(text: string | undefined, names: readonly Column[], number: Column): SQL | undefined {
  if (!text) return undefined;
  const like = likePart(text);
  const e164 = numberLike(text);
  return or(...[...names, number].map((column) => ilike(column, like)), e164 ? ilike(number, e164) : undefined);
}

/** Finds `text` anywhere; `%` and `_` in it stand for themselves. */
const likePart = (text: string): string => `%${text.replace(/[\\%_]/g, "\\$&")}%`;

/**
 * Numbers are stored as E.164, and typed as 050-123 4567, 00972..., +972 (0)50...: whole or in part. A zero in front
 * begins a number of the default country (src/leads/phone.ts). Undefined: not a number.
 */
function numberLike(text: string): string | undefined {
  if (!/^[\d\s().\-/+\p{Cf}]*\d[\d\s().\-/+\p{Cf}]*$/u.test(text)) return undefined;
  const digits = text.replace(/\D/g, "").replace(/^(00)?9720/, "$1972");
  if (/^00[1-9]/.test(digits)) return `+${digits.slice(2)}%`;
  if (/^0[1-9]/.test(digits)) return `+972${digits.slice(1)}%`;
  return `%${digits}%`;
}
