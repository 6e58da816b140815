import assert from "node:assert/strict";
import { describe, it } from "node:test";

import iconv from "iconv-lite";

import { ByteReader } from "../../src/leads/bytes.ts";
import { decode } from "../../src/leads/decode.ts";

const TEXT = "שם,טלפון\r\nדנה כהן,050-234-5678\r\n₪ “מירכאות” – é,03-6123456\r\n";

async function* pieces(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function decoded(bytes: Uint8Array, size = bytes.length): Promise<string> {
  let text = "";
  for await (const part of decode(new ByteReader(pieces(bytes, size), 1e9))) text += part;
  return text;
}

describe("decode", () => {
  const HEBREW = TEXT.replace("é", "");
  const ENCODINGS: [name: string, bytes: Buffer, text: string][] = [
    ["UTF-8", Buffer.from(TEXT), TEXT],
    ["UTF-8 with its mark", Buffer.from(`\ufeff${TEXT}`), TEXT],
    ["UTF-16 LE with its mark", iconv.encode(TEXT, "utf16le", { addBOM: true }), TEXT],
    ["UTF-16 BE with its mark", iconv.encode(TEXT, "utf16be", { addBOM: true }), TEXT],
    ["UTF-16 LE without", iconv.encode(TEXT, "utf16le"), TEXT],
    ["UTF-16 BE without", iconv.encode(TEXT, "utf16be"), TEXT],
    ["Windows-1255", iconv.encode(HEBREW, "windows-1255"), HEBREW],
    ["ASCII", Buffer.from("name,phone\n"), "name,phone\n"],
    ["nothing", Buffer.alloc(0), ""],
  ];
  for (const [name, bytes, text] of ENCODINGS) {
    it(`reads ${name}, however it is cut`, async () => {
      for (const size of [1, 2, 3, 7, 4096]) assert.equal(await decoded(bytes, size), text);
    });
  }

  it("reads a file whose first Hebrew letter comes after the window it judges by", async () => {
    const ascii = "name,phone\r\n".repeat(20_000);
    assert.equal(await decoded(iconv.encode(ascii + HEBREW, "windows-1255"), 1000), ascii + HEBREW);
    assert.equal(await decoded(Buffer.from(ascii + TEXT), 1000), ascii + TEXT);
  });

  it("does not take a character cut by the window's end for a fault", async () => {
    for (const shift of ["", "x", "xx"]) {
      const text = shift + "ש" + "€".repeat(100_000);
      assert.equal(await decoded(Buffer.from(text), 5000), text);
    }
  });

  it("takes a lone byte at the end for Windows-1255", async () => {
    assert.equal(await decoded(Uint8Array.of(0x61, 0xe0)), "aא");
  });

  it("knows every character of Windows-1255", async () => {
    for (let byte = 0x80; byte < 0x100; byte += 1) {
      const expected = iconv.decode(Buffer.of(byte), "windows-1255");
      if (expected !== "\ufffd") assert.equal(await decoded(Uint8Array.of(byte, 0x2c)), `${expected},`);
    }
  });

  it("refuses more bytes than it is allowed to read", async () => {
    const reader = new ByteReader(pieces(Buffer.alloc(1000), 10), 500);
    await assert.rejects(
      async () => {
        for await (const _ of decode(reader));
      },
      { code: "import.too_large" },
    );
  });
});
