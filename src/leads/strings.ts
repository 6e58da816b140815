// A workbook's texts, as one run of bytes: 200,000 strings of their own cost ten times as much, and as they come from the
// parser each keeps a piece of the file alive.

const FIRST_BYTES = 64 * 1024;

export class Strings {
  #bytes = Buffer.alloc(FIRST_BYTES);
  readonly #ends: number[] = [];

  add(text: string): void {
    const start = this.#ends.at(-1) ?? 0;
    const end = start + Buffer.byteLength(text);
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.write(text, start);
    this.#ends.push(end);
  }

  /** Undefined for a number that no text has. */
  at(index: number): string | undefined {
    const end = this.#ends[index];
    return end === undefined ? undefined : this.#bytes.toString("utf8", this.#ends[index - 1] ?? 0, end);
  }

  #grow(needed: number): void {
    const larger = Buffer.alloc(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger);
    this.#bytes = larger;
  }
}
