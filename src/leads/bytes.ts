// A file's bytes as a stream that can be looked at before it is read. Never holds more than what was peeked at, and
// refuses to read past its limit.

import { CodedError } from "../errors.ts";

/** Large enough to be quick, small enough that the work on one slice does not block the event loop. */
export const SLICE_BYTES = 64 * 1024;

export type Bytes = AsyncIterable<Uint8Array> | Uint8Array;

export class ByteReader {
  readonly #slices: AsyncGenerator<Uint8Array, void>;
  #ahead: Uint8Array = new Uint8Array(0);

  /** @throws import.too_large (while reading) past `maxBytes` */
  constructor(source: Bytes, maxBytes: number) {
    this.#slices = slices(source, maxBytes);
  }

  /** The next `size` bytes without taking them: fewer only at the end of the file. */
  async peek(size: number): Promise<Uint8Array> {
    if (this.#ahead.length < size) {
      const parts = [this.#ahead];
      let length = this.#ahead.length;
      while (length < size) {
        const next = await this.#slices.next();
        if (next.done) break;
        parts.push(next.value);
        length += next.value.length;
      }
      this.#ahead = parts.length === 1 ? this.#ahead : Buffer.concat(parts, length);
    }
    return this.#ahead.subarray(0, size);
  }

  /** Takes `size` bytes that were peeked at. */
  skip(size: number): void {
    this.#ahead = this.#ahead.subarray(size);
  }

  /** The next slice, empty at the end of the file. */
  async read(): Promise<Uint8Array> {
    if (this.#ahead.length === 0) return (await this.#slices.next()).value ?? this.#ahead;
    const slice = this.#ahead;
    this.skip(slice.length);
    return slice;
  }

  /** Everything that is left, for formats whose table of contents is at the end. */
  async all(): Promise<Uint8Array> {
    return this.peek(Number.POSITIVE_INFINITY);
  }

  async close(): Promise<void> {
    await this.#slices.return();
  }
}

async function* slices(source: Bytes, maxBytes: number): AsyncGenerator<Uint8Array, void> {
  let total = 0;
  for await (const chunk of source instanceof Uint8Array ? [source] : source) {
    total += chunk.length;
    if (total > maxBytes) throw new CodedError("import.too_large", "The file is too large", { max_bytes: maxBytes });
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) yield chunk.subarray(at, at + SLICE_BYTES);
  }
}
