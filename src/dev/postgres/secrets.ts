// The password and the port of the embedded server, kept beside the data, readable by its owner only.

import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { sibling } from "./place.ts";

export const USER = "postgres";
export const DATABASE = "ringpost";

export type Secrets = { password: string; port: number };

export function newPassword(): string {
  return randomBytes(24).toString("base64url");
}

export function readSecrets(asked: string): Secrets | undefined {
  let text: string;
  try {
    text = readFileSync(sibling(asked, "json"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  return JSON.parse(text) as Secrets;
}

/** Renamed into place: a process that joins meanwhile reads the old file or the new one. */
export function writeSecrets(asked: string, secrets: Secrets): void {
  const draft = sibling(asked, `json-${process.pid}`);
  writeFileSync(draft, `${JSON.stringify(secrets)}\n`, { mode: 0o600 });
  renameSync(draft, sibling(asked, "json"));
}

export function urlOf({ password, port }: Secrets, database: string): string {
  return `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;
}
