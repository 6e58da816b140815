// Databases for tests. All files of a run share one server (see postgres-keeper.ts); each test gets a database of its
// own, usually a clone of a template that is prepared once per key.

import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Session, sharedServer } from "./postgres-session.ts";

export { startOwnServer, type OwnServer } from "./postgres-own.ts";

/** Anything with node:test's `after`: a test's context, or `{ after }` from node:test itself for a whole file. */
export type Scope = { after(close: () => unknown): unknown };

export type Template = {
  name: string;
  /** What the content depends on, for instance a hash of the migrations. A new key replaces the old template. */
  key: string;
  /** Fills the empty database; must leave no connection open. */
  prepare: (url: string) => Promise<void>;
};

export type FreshDatabase = { url: string; name: string };

const TEMPLATE_LOCK_CLASS = 7_301;
const LOCK_RETRY_MS = 25;

/** A clone of 40 tables with 80 indexes: 10 ms, against 23 ms with Postgres' default, wal_log (2 cores, fsync off). */
const STRATEGY = "file_copy";

const finished = new Set<string>();

export async function freshDatabase(t: Scope, options: { template?: Template } = {}): Promise<FreshDatabase> {
  const server = await sharedServer();
  const name = `t_${process.pid}_${randomBytes(5).toString("hex")}`;
  if (options.template) {
    const template = await ensureTemplate(server, options.template);
    await server.query(`create database ${name} template ${template} strategy ${STRATEGY}`);
  } else {
    await server.query(`create database ${name} strategy ${STRATEGY}`);
  }
  t.after(async () => {
    finished.add(name);
    await dropFinished(server);
  });
  return { url: server.urlOf(name), name };
}

/**
 * Drops what nobody is connected to any more. `after` hooks run first come, first served, so a test's pool often closes
 * after this: to drop its database now would break its idle connections, and a pool without a listener throws then.
 * Such a database goes with the next one; the last of a process goes when the keeper tidies up.
 */
async function dropFinished(server: Session): Promise<void> {
  const rows = await server.query<{ datname: string }>(
    `select datname
       from pg_database
      where datname = any($1)
        and not exists (select from pg_stat_activity where pg_stat_activity.datname = pg_database.datname)`,
    [[...finished]],
  );
  for (const { datname } of rows) {
    finished.delete(datname);
    await server.query(`drop database if exists ${datname} with (force)`);
  }
}

/** A template counts as prepared once it is marked as one; a half-prepared one of a killed run is made again. */
async function ensureTemplate(server: Session, { name, key, prepare }: Template): Promise<string> {
  const prefix = `tpl_${name}_`;
  const database = prefix + createHash("sha256").update(key).digest("hex").slice(0, 12);
  if (await isTemplate(server, database)) return database;
  await withLock(server, prefix, async () => {
    if (await isTemplate(server, database)) return;
    await dropTemplates(server, prefix);
    await server.query(`create database ${database} strategy ${STRATEGY}`);
    await prepare(server.urlOf(database));
    await server.query(`alter database ${database} with is_template true allow_connections false`);
  });
  return database;
}

async function isTemplate(server: Session, name: string): Promise<boolean> {
  const rows = await server.query("select from pg_database where datname = $1 and datistemplate", [name]);
  return rows.length > 0;
}

async function dropTemplates(server: Session, prefix: string): Promise<void> {
  const rows = await server.query<{ datname: string }>(
    "select datname from pg_database where starts_with(datname, $1)",
    [prefix],
  );
  for (const { datname } of rows) {
    await server.query(`alter database ${datname} with is_template false`);
    await server.query(`drop database if exists ${datname} with (force)`);
  }
}

const turns = new Map<string, Promise<unknown>>();

/** One after the other, also within this process: its session, which holds the lock, would be given it twice. */
async function withLock(server: Session, key: string, work: () => Promise<void>): Promise<void> {
  const mine = (turns.get(key) ?? Promise.resolve()).then(() => alone(server, key, work));
  turns.set(
    key,
    mine.catch(() => undefined),
  );
  await mine;
}

/** Tries again instead of waiting inside Postgres: a waiting session would deadlock with CREATE INDEX CONCURRENTLY. */
async function alone(server: Session, key: string, work: () => Promise<void>): Promise<void> {
  const lock = [TEMPLATE_LOCK_CLASS, key];
  for (;;) {
    const [row] = await server.query<{ held: boolean }>("select pg_try_advisory_lock($1, hashtext($2)) as held", lock);
    if (row?.held) break;
    await sleep(LOCK_RETRY_MS);
  }
  try {
    await work();
  } finally {
    await server.query("select pg_advisory_unlock($1, hashtext($2))", lock);
  }
}
