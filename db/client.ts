// The one way to a connection: a pool that pins settings, speaks Drizzle and survives lost connections; and the short words
// for running a statement.
import { sql, type SQL } from "drizzle-orm";
import type { ExtractTablesWithRelations } from "drizzle-orm";
import { drizzle, type NodePgDatabase, type NodePgQueryResultHKT } from "drizzle-orm/node-postgres";
import type { PgDatabase } from "drizzle-orm/pg-core";
import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import pg from "pg";
import { READ_ONLY } from "./pgErrors.ts";
import { connection, pinnedOptions } from "./pinned.ts";
import * as schema from "./schema.ts";

export type Database = NodePgDatabase<typeof schema> & { $client: pg.Pool };
type Statements = PgDatabase<NodePgQueryResultHKT, typeof schema, ExtractTablesWithRelations<typeof schema>>;
/** A transaction in progress. Functions that take one never commit, never begin another, and never call the network. */
export type Tx = Omit<Statements, "transaction">;
/** Either: for reads that don't care. */
export type Queryable = Pick<Tx, "execute">;

export interface DatabaseOptions {
  url: string;
  /** Shown in pg_stat_activity. */
  name: string;
  /** Connections at most. */
  max?: number;
  /** A statement that gets no byte of an answer for so long has lost its connection, even if nobody closed it. */
  answerWithinMs?: number;
  /**
   * Commits do not wait for the disk. Only for what may be lost with a crash of the server and is then done again: what
   * others were told must be true afterwards.
   */
  lazyCommit?: boolean;
  /** Told of connections that broke while idle; the pool replaces them by itself. */
  onError?: (error: Error) => void;
}

/** How long to wait for a connection before an error is better than silence. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Far beyond any statement of ours; TCP alone takes a quarter of an hour to notice that the other machine is gone. */
const ANSWER_WITHIN_MS = 60_000;

/**
 * A new connection costs a handshake, and plans every statement again: the tens of milliseconds that a freed slot would
 * stay empty. What a burst has opened is kept for the next one.
 */
const IDLE_MS = 600_000;

/** A listening connection is silent by nature: the kernel has to find out that the other end is gone. */
const KEEP_ALIVE_AFTER_MS = 10_000;

export function openPool({
  url,
  name,
  max = 10,
  answerWithinMs = ANSWER_WITHIN_MS,
  lazyCommit = false,
  onError,
}: DatabaseOptions): pg.Pool {
  // A Date as parameter is UTC, as every connection's TimeZone is.
  pg.defaults.parseInputDatesAsUTC = true;
  const pool = new pg.Pool({
    ...connection(url, pinnedOptions({ lazyCommit })),
    application_name: name,
    max,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    // Statements that nobody waits between travel together (inTwoTrips); one after the other they go as ever.
    pipeline: true,
  });
  const report = (error: Error) => onError?.(error);
  // Without both listeners a lost connection is an uncaught exception, and the process dies with the database.
  pool.on("error", report);
  pool.on("connect", (client) => {
    client.on("error", report);
    breakWhenSilent(client, answerWithinMs);
    breakWhenReadOnly(client);
  });
  return pool;
}

/** What lies below a client of pg, which has no public word for it. */
const wireOf = (client: pg.PoolClient) =>
  (client as unknown as { connection: EventEmitter & { stream: Socket } }).connection;

/** An idle connection may be silent for ever; one with a statement under way may not. */
function breakWhenSilent(client: pg.PoolClient, ms: number): void {
  const { stream } = wireOf(client);
  // Not the callback of setTimeout: that is told once, and may have been while the connection idled.
  stream.setTimeout(ms);
  stream.on("timeout", () => {
    if (isBusy(client)) stream.destroy(new Error(`Connection terminated: no answer for ${ms} ms`));
  });
}

/**
 * While a failover lasts, the address may lead to a standby, and a server whose disk is full is set to read-only by those
 * who run it. A connection of that time stays so for as long as it lives: whoever got it out of the pool would fail, long
 * after all is well again. Whoever met the error has been told of it when the connection breaks.
 */
function breakWhenReadOnly(client: pg.PoolClient): void {
  const wire = wireOf(client);
  wire.on("errorMessage", ({ code }: pg.DatabaseError) => {
    if (code === READ_ONLY) wire.stream.destroy(new Error("Connection terminated: it can only read"));
  });
}

/** What pg knows of itself and has no public word for. */
const isBusy = (client: pg.PoolClient): boolean =>
  (client as unknown as { _activeQuery: unknown })._activeQuery != null;

export function openDatabase(options: DatabaseOptions): Database {
  return drizzle(openPool(options), { schema });
}

/** The rows of a statement. `T` states what its select list returns: nothing checks it but the tests. */
export async function rows<T>(on: Queryable, statement: SQL): Promise<T[]> {
  const result = await on.execute(statement);
  return result.rows as T[];
}

export async function row<T>(on: Queryable, statement: SQL): Promise<T | undefined> {
  return (await rows<T>(on, statement))[0];
}

/** A JavaScript array as one Postgres array parameter (Drizzle alone would spread it into a list of parameters). */
export function array(values: readonly (string | number | null)[], type: "int" | "text"): SQL {
  return type === "int" ? sql`${sql.param(values)}::int[]` : sql`${sql.param(values)}::text[]`;
}
