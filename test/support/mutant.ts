// The project's own code with one thing changed: tests that guard an invariant prove with it that they would notice.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Scope } from "./postgres.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Inside the project, so that packages and package.json are found as they are for the original; git ignores it. */
const FOLDER = `${ROOT}test/.mutants/`;
const COPIED = ["db", "src", "tasks"];

export interface Mutation {
  /** Path from the project's root. */
  file: string;
  /** What is replaced: it must occur exactly once, or the mutation would test nothing. */
  find: string | RegExp;
  replace: string;
}

/** Imports a module of the changed copy, by its path from the project's root; `T` is the original's type. */
export type Importer = <T>(path: string) => Promise<T>;

export function mutant(t: Scope, ...mutations: Mutation[]): Importer {
  mkdirSync(FOLDER, { recursive: true });
  const copy = mkdtempSync(FOLDER);
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  for (const part of COPIED) cpSync(`${ROOT}${part}`, `${copy}/${part}`, { recursive: true });
  for (const { file, find, replace } of mutations) {
    const parts = readFileSync(`${copy}/${file}`, "utf8").split(find);
    if (parts.length !== 2) throw new Error(`${String(find)} occurs ${parts.length - 1} times in ${file}, not once`);
    writeFileSync(`${copy}/${file}`, parts.join(replace));
  }
  return async <T>(path: string) => (await import(pathToFileURL(`${copy}/${path}`).href)) as T;
}
