// Postgres refuses to run as root. Under root the server gets an unprivileged account; otherwise it runs as we do.

import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";

export type Account = { uid: number; gid: number; name: string };

const CANDIDATES = ["postgres", "nobody"];

/** Undefined means: no switching needed. The owner of existing data stays the account that serves it. */
export function serverAccount(dataDir: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = ownerOf(dataDir);
  if (owner !== undefined) return owner;
  return CANDIDATES.map(lookUp).find((account) => account !== undefined) ?? createAccount("postgres");
}

/** Asks the system itself, as the account, because modes alone don't tell (access lists, mounts, containers). */
export function canRun(account: Account | undefined, command: string, args: string[]): boolean {
  return spawnSync(command, args, { ...runAs(account), cwd: "/", stdio: "ignore" }).status === 0;
}

export function canEnter(account: Account | undefined, folder: string): boolean {
  return canRun(account, "/bin/sh", ["-c", 'cd "$1"', "sh", folder]);
}

/** Options for spawn. Setting a uid also drops root's supplementary groups. */
export function runAs(account: Account | undefined): { uid?: number; gid?: number; env: NodeJS.ProcessEnv } {
  const env = { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C" };
  return account ? { uid: account.uid, gid: account.gid, env } : { env };
}

function ownerOf(folder: string): Account | undefined {
  const stat = statSync(folder, { throwIfNoEntry: false });
  return stat && stat.uid !== 0 ? { uid: stat.uid, gid: stat.gid, name: `uid ${stat.uid}` } : undefined;
}

function lookUp(name: string): Account | undefined {
  const uid = idOf("-u", name);
  const gid = idOf("-g", name);
  return uid && gid ? { uid, gid, name } : undefined;
}

function idOf(flag: string, name: string): number | undefined {
  const found = spawnSync("id", [flag, name]);
  return found.status === 0 ? Number(found.stdout.toString()) : undefined;
}

function createAccount(name: string): Account {
  spawnSync("useradd", ["--system", "--no-create-home", "--user-group", "--shell", "/bin/false", name]);
  const account = lookUp(name);
  if (account) return account;
  throw new Error(`Postgres cannot run as root, and no user to run it as was found or could be created (${name})`);
}
