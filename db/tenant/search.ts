// What a person types into a search box, as a pattern.

/** Finds `text` anywhere; `%` and `_` in it stand for themselves. */
export const likePart = (text: string): string => `%${text.replace(/[\\%_]/g, "\\$&")}%`;
