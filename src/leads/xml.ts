// XML as a stream of events. No document is ever built, and no entity is expanded beyond XML's own five. The parser itself
// bounds names and values, but keeps every open element and every attribute of the current one: these are bounded here,
// so that what a file costs does not grow with what a zip can make of it.

import sax, { type Tag } from "sax";

import { CodedError } from "../errors.ts";

/** A workbook's parts nest some ten deep. */
const MAX_DEPTH = 64;
/** A sheet's first element, which names every extension's namespace, has some twenty. */
const MAX_ATTRIBUTES = 100;
/** Each costs a microsecond, however short it is. 200,000 rows of fifty cells with a value have as many. */
const MAX_ELEMENTS = 20_000_000;

export type Attributes = Tag["attributes"];
export type XmlHandlers = {
  /** Names come without their namespace prefix: some programs write `<x:row>`. */
  open(name: string, attributes: Attributes): void;
  text?(text: string): void;
  close?(name: string): void;
};

/**
 * Yields after each piece, so that the caller can hand on what its handlers have gathered.
 * @throws import.unreadable on XML that is not well-formed or that no workbook has, import.too_large on too many elements
 */
export async function* parseXml(
  pieces: AsyncIterable<Uint8Array>,
  handlers: XmlHandlers,
  maxElements: number = MAX_ELEMENTS,
): AsyncGenerator<void, void> {
  const decoder = new TextDecoder("utf-8");
  let elements = 0;
  let depth = 0;
  let attributes = 0;
  const parser = Object.assign(sax.parser(true, {}), {
    onopentagstart: () => {
      elements += 1;
      depth += 1;
      attributes = 0;
      if (elements > maxElements) {
        throw new CodedError("import.too_large", "The workbook has too many elements", { max_elements: maxElements });
      }
      if (depth > MAX_DEPTH) throw damaged("elements are nested too deeply");
    },
    onattribute: () => {
      attributes += 1;
      if (attributes > MAX_ATTRIBUTES) throw damaged("an element has too many attributes");
    },
    onopentag: (tag: Tag) => handlers.open(local(tag.name), tag.attributes),
    ontext: (text: string) => handlers.text?.(text),
    oncdata: (text: string) => handlers.text?.(text),
    onclosetag: (name: string) => {
      depth -= 1;
      handlers.close?.(local(name));
    },
    onerror: (error: Error) => {
      throw damaged(error.message.split("\n")[0]);
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

function damaged(cause: string | undefined): CodedError {
  return new CodedError("import.unreadable", "The workbook is damaged", { cause });
}

function local(name: string): string {
  const colon = name.indexOf(":");
  return colon === -1 ? name : name.slice(colon + 1);
}
