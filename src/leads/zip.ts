// The parts of a zip, opened by name, each with a limit on what it unpacks to: a zip bomb is refused before it is opened,
// and one that lies about its size as soon as it exceeds what it declared (yauzl checks).

import { type Entry, fromBufferPromise, type ZipFile } from "yauzl";

import { CodedError } from "../errors.ts";

/** Workbooks have tens of parts. A directory of millions costs time and memory without a byte unpacked. */
const MAX_PARTS = 10_000;
/** Sheets of people unpack to twenty times their size, blank rows to forty, and what is made to cost time to a thousand. */
const MAX_RATIO = 100;
/** Below it a part may repeat itself as it likes: it is read in seconds. */
const SMALL_PART_BYTES = 16 * 1024 * 1024;

export class Zip {
  readonly #file: ZipFile;
  readonly #parts: ReadonlyMap<string, Entry>;

  private constructor(file: ZipFile, parts: ReadonlyMap<string, Entry>) {
    this.#file = file;
    this.#parts = parts;
  }

  /** @throws import.unreadable when the bytes are no whole zip */
  static async open(bytes: Uint8Array): Promise<Zip> {
    try {
      const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      const file = await fromBufferPromise(buffer, { lazyEntries: true, autoClose: false });
      if (file.entryCount > MAX_PARTS) throw new Error(`${file.entryCount} parts`);
      const parts = new Map<string, Entry>();
      for await (const entry of file.eachEntry()) parts.set(entry.fileName.toLowerCase(), entry);
      return new Zip(file, parts);
    } catch (error) {
      throw damaged(error);
    }
  }

  has(name: string): boolean {
    return this.#parts.has(name.toLowerCase());
  }

  /** @throws import.unreadable for a missing or damaged part, import.too_large for one above `maxBytes` or packed too well */
  async *read(name: string, maxBytes: number): AsyncGenerator<Uint8Array, void> {
    const entry = this.#parts.get(name.toLowerCase());
    if (!entry || entry.isEncrypted()) throw damaged(`no readable part ${name}`);
    const limit = Math.min(maxBytes, Math.max(SMALL_PART_BYTES, entry.compressedSize * MAX_RATIO));
    if (entry.uncompressedSize > limit) {
      throw new CodedError("import.too_large", "The workbook unpacks to too much", { max_bytes: limit });
    }
    try {
      yield* (await this.#file.openReadStreamPromise(entry)) as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw damaged(error);
    }
  }
}

function damaged(cause: unknown): CodedError {
  return new CodedError("import.unreadable", "The workbook is damaged", { cause: String(cause) });
}
