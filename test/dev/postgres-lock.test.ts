// The lock of the embedded Postgres, when many want to succeed a dead holder at the same moment.

import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { lockHolder, tryLock } from "../../src/dev/postgres/lock.ts";
import { newFolder } from "./postgres-family.ts";

const CHILD = fileURLToPath(new URL("lock-child.ts", import.meta.url));
const PROCESSES = 4;

describe("the owner's lock", () => {
  it("goes to one, returns, and goes to the next", (t) => {
    const folder = join(newFolder(t), "lock");
    const lock = tryLock(folder);
    assert.equal(tryLock(folder), undefined);
    assert.equal(lockHolder(folder), process.pid);
    lock?.release();
    assert.equal(lockHolder(folder), undefined);
    assert.ok(tryLock(folder));
    assert.deepEqual(readdirSync(folder), ["2"]);
  });

  it("is not held by another process that got the dead holder's pid", { skip: process.platform !== "linux" }, (t) => {
    const folder = join(newFolder(t), "lock");
    mkdirSync(folder);
    writeFileSync(join(folder, "7"), `${process.pid} 1`);
    assert.ok(tryLock(folder));
    assert.deepEqual(readdirSync(folder), ["8"]);
  });

  it("never has two holders: processes that take and give it back, and die holding it", async (t) => {
    const folder = newFolder(t);
    const children = Array.from({ length: PROCESSES }, () => fork(CHILD, [folder], { execPath: process.execPath }));
    const codes = await Promise.all(
      children.map(async (child) => ((await once(child, "exit")) as [number, string])[1]),
    );
    assert.deepEqual(codes, Array(PROCESSES).fill("SIGKILL"));
  });
});
