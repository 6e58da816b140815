// Connections on which a statement is prepared the first time it is sent, and afterwards only bound: the hot path's
// statements take Postgres longer to plan than to run.
import pg from "pg";

/** Texts that are put together from parts could become many; what comes after so many is sent as it is. */
const MOST_TEXTS = 300;

const names = new Map<string, string>();

function nameOf(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= MOST_TEXTS) return known;
  const name = `ringpost_${names.size + 1}`;
  names.set(text, name);
  return name;
}

const sendQuery = Reflect.get(pg.Client.prototype, "query") as (...args: unknown[]) => unknown;

export class PreparingClient extends pg.Client {
  /** As pg's own; a query with parameters and without a name gets one that belongs to its text. */
  override query(...args: unknown[]): never {
    const [config, values, ...rest] = args;
    return sendQuery.call(this, named(config, values), values, ...rest) as never;
  }
}

function named(config: unknown, values: unknown): unknown {
  if (!Array.isArray(values) || values.length === 0) return config;
  if (typeof config === "string") return { text: config, name: nameOf(config) };
  if (typeof config !== "object" || config === null || "submit" in config || !("text" in config)) return config;
  if ("name" in config && config.name !== undefined) return config;
  return { ...config, name: nameOf(String(config.text)) };
}
