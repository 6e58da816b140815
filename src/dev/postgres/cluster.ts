// Makes the data directory. It appears under its own name only when it is complete: it is built under another name,
// marked, and renamed, so a process killed at any moment of initdb leaves nothing that looks like data.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Account, runAs } from "./account.ts";
import { USER } from "./secrets.ts";

const COMPLETE = "ringpost-complete";
const BUILDING = ".building-";
const OPTIONS = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"];
/** Postgres' own C.UTF-8 (17 and later) sorts the same on every machine, whatever locales that one has. */
const LOCALE = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"];

/** Before 17 there is no locale but the machine's; "C", from the options, is everywhere. */
function localeOf(initdb: string): string[] {
  const version = /\s(\d+)/.exec(spawnSync(initdb, ["--version"], { encoding: "utf8" }).stdout ?? "")?.[1];
  return Number(version) >= 17 ? LOCALE : [];
}

export function isComplete(dataDir: string): boolean {
  return existsSync(join(dataDir, COMPLETE));
}

export async function initCluster(
  initdb: string,
  dataDir: string,
  account: Account | undefined,
  password: string,
  durable: boolean,
): Promise<void> {
  removeUnfinished(dataDir);
  const building = ownFolder(`${dataDir}${BUILDING}`, account);
  const passwordFolder = ownFolder(`${dataDir}${BUILDING}`, account);
  const passwordFile = join(passwordFolder, "password");
  try {
    writeFileSync(passwordFile, password, { mode: 0o600 });
    if (account) chownSync(passwordFile, account.uid, account.gid);
    const args = [
      `--pgdata=${building}`,
      `--username=${USER}`,
      `--pwfile=${passwordFile}`,
      ...OPTIONS,
      ...localeOf(initdb),
    ];
    await run(initdb, durable ? args : [...args, "--no-sync"], account, building);
  } finally {
    rmSync(passwordFolder, { recursive: true, force: true });
  }
  writeFileSync(join(building, COMPLETE), "");
  renameSync(building, dataDir);
}

/** Data without its mark is set aside, not deleted: it was not made here, or not by this version. */
function removeUnfinished(dataDir: string): void {
  const parent = dirname(dataDir);
  for (const name of readdirSync(parent)) {
    if (name.startsWith(basename(dataDir) + BUILDING))
      rmSync(join(parent, name), { recursive: true, force: true, maxRetries: 5 });
  }
  if (!existsSync(dataDir)) return;
  const aside = `${dataDir}.incomplete`;
  rmSync(aside, { recursive: true, force: true });
  renameSync(dataDir, aside);
}

function ownFolder(prefix: string, account: Account | undefined): string {
  const folder = mkdtempSync(prefix);
  if (account) chownSync(folder, account.uid, account.gid);
  return folder;
}

/** In a session of its own: a Ctrl-C in the terminal is answered by the program, not by its children. */
async function run(command: string, args: string[], account: Account | undefined, cwd: string): Promise<void> {
  const child = spawn(command, args, { ...runAs(account), cwd, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`initdb failed (${code}):\n${output}`);
}
