// Repeatable chance: a draw depends on the seed and on what it is for, never on the order in which requests arrive.

/**
 * A number in [0, 1) that is always the same for the same seed and parts. Naming the parts (the number called, its
 * how-manieth call) instead of keeping a running generator makes a run replayable although requests race.
 */
export function draw(seed: number, ...parts: (string | number)[]): number {
  let hash = 0x811c9dc5 ^ seed;
  for (const part of parts) {
    const text = String(part);
    for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ 0x7c, 0x01000193);
  }
  // The finaliser of murmur3: without it, neighbouring phone numbers would draw neighbouring values.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** Milliseconds: a fixed time, or the bounds between which one is drawn. */
export type Span = number | readonly [from: number, to: number];

/** The milliseconds of a span, given a draw in [0, 1). */
export function within(span: Span, chance: number): number {
  return typeof span === "number" ? span : Math.round(span[0] + (span[1] - span[0]) * chance);
}
