// Who owns the embedded server: the living process named in the highest-numbered file of the lock folder.
//
// A lock file that is deleted when stale has a race: two processes see it stale, one replaces it, the other deletes
// the replacement. Here nothing is ever replaced: to succeed holder N, create N+1, which only one process can do.
// The highest file is deleted only by its successor, so whoever creates a file and then finds a higher one has lost.

import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRunning, processMark } from "./process.ts";

const RELEASED = "released";

export type Lock = { release(): void };

/** The lock, or undefined while another living process (or an earlier caller in this one) holds it. */
export function tryLock(folder: string): Lock | undefined {
  mkdirSync(folder, { recursive: true });
  for (;;) {
    const last = highest(folder);
    if (last > 0) {
      const holder = readHolder(folder, last);
      if (holder === undefined) continue;
      if (isAlive(holder)) return undefined;
    }
    const mine = last + 1;
    if (!create(folder, mine, processMark(process.pid))) continue;
    if (highest(folder) !== mine) {
      rmSync(join(folder, String(mine)), { force: true });
      continue;
    }
    for (const number of numbers(folder)) if (number < mine) rmSync(join(folder, String(number)), { force: true });
    return { release: () => replace(folder, mine, RELEASED) };
  }
}

/** The pid of the living holder, if there is one. */
export function lockHolder(folder: string): number | undefined {
  const holder = readHolder(folder, highest(folder)) ?? RELEASED;
  return isAlive(holder) ? Number.parseInt(holder, 10) : undefined;
}

function isAlive(holder: string): boolean {
  const pid = Number.parseInt(holder, 10);
  return Number.isInteger(pid) && isRunning(pid) && processMark(pid) === holder;
}

/** Undefined when a successor has deleted the file since it was listed. */
function readHolder(folder: string, number: number): string | undefined {
  try {
    return readFileSync(join(folder, String(number)), "utf8");
  } catch {
    return undefined;
  }
}

/** A link appears complete or not at all, and fails when the name exists: nobody reads a half-written holder. */
function create(folder: string, number: number, text: string): boolean {
  const draft = writeDraft(folder, text);
  try {
    linkSync(draft, join(folder, String(number)));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Does nothing when the folder is gone: whoever deleted the data has deleted the lock with it. */
function replace(folder: string, number: number, text: string): void {
  try {
    renameSync(writeDraft(folder, text), join(folder, String(number)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

function writeDraft(folder: string, text: string): string {
  const draft = join(folder, `draft-${process.pid}`);
  writeFileSync(draft, text);
  return draft;
}

function highest(folder: string): number {
  return Math.max(0, ...numbers(folder));
}

function numbers(folder: string): number[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}
