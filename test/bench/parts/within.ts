// A part of a row with a stage of its own: what it opened is closed before the next part begins.
import { lastFirst } from "../../support/scope.ts";
import type { Bench } from "../row.ts";

export async function inScope<T>(bench: Bench, measure: (own: Bench) => Promise<T>): Promise<T> {
  const closing: (() => unknown)[] = [];
  const scope = lastFirst({ after: (hook) => void closing.push(hook) });
  try {
    return await measure({ ...bench, scope });
  } finally {
    for (const close of closing) await close();
  }
}
