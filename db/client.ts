// The one way to a connection: a pool that pins UTC, speaks Drizzle and survives lost connections; and the short words for
// running a statement.
import { sql, type SQL } from "drizzle-orm";
import type { ExtractTablesWithRelations } from "drizzle-orm";
import { drizzle, type NodePgDatabase, type NodePgQueryResultHKT } from "drizzle-orm/node-postgres";
import type { PgDatabase } from "drizzle-orm/pg-core";
import type { Socket } from "node:net";
import pg from "pg";
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

/** A process that freezes in the middle of a transaction must not keep its locks: nobody's dispatch could go on. */
const IDLE_IN_TRANSACTION_MS = 5_000;

/**
 * A new connection costs a handshake, and plans every statement again: the tens of milliseconds that a freed slot would
 * stay empty. What a burst has opened is kept for the next one.
 */
const IDLE_MS = 600_000;

/** A listening connection is silent by nature: the kernel has to find out that the other end is gone. */
const KEEP_ALIVE_AFTER_MS = 10_000;

/**
 * Every statement of ours looks rows up by an index, one table after the other. The planner agrees while its statistics
 * do; with those of another day (a table that was empty, a day when all was queued) it read whole tables, and joined every
 * job ever made to a handful of slots. So it may not (test/runs/plans.test.ts). Nor may it compile: before Postgres 18 what
 * is ruled out counts as so costly that the one plan left would seem worth it.
 */
const RULED_OUT = ["enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "jit"];
const BY_INDEX = RULED_OUT.map((way) => `-c ${way}=off`).join(" ");

export function openPool({
  url,
  name,
  max = 10,
  answerWithinMs = ANSWER_WITHIN_MS,
  lazyCommit = false,
  onError,
}: DatabaseOptions): pg.Pool {
  // The CRM's `timestamp` columns hold UTC: now(), casts and Date parameters must all mean UTC on every connection.
  pg.defaults.parseInputDatesAsUTC = true;
  const pool = new pg.Pool({
    connectionString: url,
    application_name: name,
    max,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_MS,
    // Lock first, count in the next statement: that needs READ COMMITTED, whatever the database's own default is.
    options: `-c TimeZone=UTC -c default_transaction_isolation=read\\ committed -c idle_in_transaction_session_timeout=${IDLE_IN_TRANSACTION_MS} ${BY_INDEX}${lazyCommit ? " -c synchronous_commit=off" : ""}`,
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
  });
  return pool;
}

/** An idle connection may be silent for ever; one with a statement under way may not. */
function breakWhenSilent(client: pg.PoolClient, ms: number): void {
  const { connection } = client as unknown as { connection: { stream: Socket } };
  const { stream } = connection;
  // Not the callback of setTimeout: that is told once, and may have been while the connection idled.
  stream.setTimeout(ms);
  stream.on("timeout", () => {
    if (isBusy(client)) stream.destroy(new Error(`Connection terminated: no answer for ${ms} ms`));
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
