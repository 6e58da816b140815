// What a Postgres error says, through whatever wraps it.

/** The Postgres error code behind an error, through Drizzle's wrapping; undefined when there is none. */
export function pgCode(error: unknown): string | undefined {
  for (let e: unknown = error; e instanceof Error; e = e.cause) {
    // Every SQLSTATE has a digit; a socket's EPIPE, as long as one, has none.
    if ("code" in e && typeof e.code === "string" && /^(?=.*\d)[0-9A-Z]{5}$/.test(e.code)) return e.code;
  }
  return undefined;
}

/** A standby, to which a failover has led the address, or a server that its keepers have set to read-only. */
export const READ_ONLY = "25006";

// Classes: connection (08), retryable transaction (40), resources (53), object state such as lock timeouts (55),
// operator intervention such as a shutdown (57), system (58). And a read-only server, and a transaction that was ended
// because it took too long (25P03, 25P04), as one does in which the process was frozen.
const TRANSIENT = /^(08|25006|25P03|25P04|40|53|55|57|58)/;

/** Whether the same statement may succeed later: the database is away, full or busy, rather than refusing. */
export function isTransient(error: unknown): boolean {
  // Our own mistakes never get better by themselves.
  if (error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError) return false;
  const code = pgCode(error);
  return code === undefined || TRANSIENT.test(code);
}

/** The constraint that refused, if one did. */
export function violatedConstraint(error: unknown): string | undefined {
  for (let e: unknown = error; e instanceof Error; e = e.cause) {
    if ("constraint" in e && typeof e.constraint === "string") return e.constraint;
  }
  return undefined;
}
