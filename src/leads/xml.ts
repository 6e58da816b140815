// XML as a stream of events. No document is ever built, and no entity is expanded beyond XML's own five, so a file's size
// on disk is no measure of what it can cost.

import sax, { type Tag } from "sax";

import { CodedError } from "../errors.ts";

export type Attributes = Tag["attributes"];
export type XmlHandlers = {
  /** Names come without their namespace prefix: some programs write `<x:row>`. */
  open(name: string, attributes: Attributes): void;
  text?(text: string): void;
  close?(name: string): void;
};

/**
 * Yields after each piece, so that the caller can hand on what its handlers have gathered.
 * @throws import.unreadable on XML that is not well-formed
 */
export async function* parseXml(pieces: AsyncIterable<Uint8Array>, handlers: XmlHandlers): AsyncGenerator<void, void> {
  const decoder = new TextDecoder("utf-8");
  const parser = Object.assign(sax.parser(true, {}), {
    onopentag: (tag: Tag) => handlers.open(local(tag.name), tag.attributes),
    ontext: (text: string) => handlers.text?.(text),
    oncdata: (text: string) => handlers.text?.(text),
    onclosetag: (name: string) => handlers.close?.(local(name)),
    onerror: (error: Error) => {
      throw new CodedError("import.unreadable", "The workbook is damaged", { cause: error.message.split("\n")[0] });
    },
  });
  for await (const piece of pieces) {
    parser.write(decoder.decode(piece, { stream: true }));
    yield;
  }
  parser.close();
}

/** An attribute by its name without prefix: `r:id` and `rel:id` are the same thing. */
export function attribute(attributes: Attributes, name: string): string | undefined {
  const exact = attributes[name];
  if (exact !== undefined) return exact;
  const prefixed = Object.keys(attributes).find((key) => key.endsWith(`:${name}`));
  return prefixed === undefined ? undefined : attributes[prefixed];
}

function local(name: string): string {
  const colon = name.indexOf(":");
  return colon === -1 ? name : name.slice(colon + 1);
}
