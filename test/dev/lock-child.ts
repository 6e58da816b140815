// Takes the lock again and again, checks that it is alone while it holds it, and finally kills itself holding it.
// Exits with 1 when it met somebody.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRunning } from "../../src/dev/postgres/process.ts";
import { tryLock } from "../../src/dev/postgres/lock.ts";

const ROUNDS = 100;
const [folder = ""] = process.argv.slice(2);
const inside = join(folder, "inside");

for (let round = 0; round < ROUNDS;) {
  const lock = tryLock(join(folder, "lock"));
  if (!lock) continue;
  round++;
  enterAlone();
  if (round === ROUNDS) process.kill(process.pid, "SIGKILL");
  rmSync(inside);
  lock.release();
}

/** The file of a dead process is no company. */
function enterAlone(): void {
  try {
    writeFileSync(inside, String(process.pid), { flag: "wx" });
  } catch {
    if (isRunning(Number(readFileSync(inside, "utf8")))) process.exit(1);
    writeFileSync(inside, String(process.pid));
  }
}
