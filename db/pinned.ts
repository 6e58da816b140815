// What every connection of ours is set to, whatever server, database and role say.
import type pg from "pg";

/** A process that freezes in the middle of a transaction must not keep its locks: nobody's dispatch could go on. */
const IDLE_IN_TRANSACTION_MS = 5_000;

/** The invariants rest on these. */
const PINNED: Record<string, string> = {
  // The CRM's `timestamp` columns hold UTC: now(), casts and Date parameters must all mean UTC on every connection.
  TimeZone: "UTC",
  // Lock first, count in the next statement: a snapshot per transaction would count what was there before the lock.
  default_transaction_isolation: "read committed",
  // A begun mark or a stop that a crash of the server forgets is a second call, or a call after stop.
  synchronous_commit: "on",
  idle_in_transaction_session_timeout: String(IDLE_IN_TRANSACTION_MS),
};

/**
 * Every statement of ours looks rows up by an index, one table after the other. The planner agrees while its statistics
 * do; with those of another day (a table that was empty, a day when all was queued) it read whole tables, and joined every
 * job ever made to a handful of slots. So it may not (test/runs/plans.test.ts). Nor may it compile: before Postgres 18 what
 * is ruled out counts as so costly that the one plan left would seem worth it.
 */
const RULED_OUT = ["enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "jit"];

/** As the startup parameter `options`. `lazyCommit`: commits do not wait for the disk. */
export function pinnedOptions({ lazyCommit }: { lazyCommit: boolean }): string {
  const settings = {
    ...PINNED,
    ...Object.fromEntries(RULED_OUT.map((name) => [name, "off"])),
    ...(lazyCommit ? { synchronous_commit: "off" } : {}),
  };
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(" ", "\\ ")}`)
    .join(" ");
}

const URL_OPTIONS = /(?<=[?&])options=([^&]*)&?/g;

/**
 * For pg, which would take the URL's `options` alone where it has some: ours come after them, and win.
 * @param options the startup parameter: `-c name=value ...`
 */
export function connection(url: string, options: string): { connectionString: string; options: string } {
  const theirs = [...url.matchAll(URL_OPTIONS)].map(([, text = ""]) => decodeURIComponent(text.replaceAll("+", " ")));
  if (theirs.length === 0) return { connectionString: url, options };
  return {
    connectionString: url.replace(URL_OPTIONS, "").replace(/[?&]$/, ""),
    options: [...theirs, options].join(" "),
  };
}

/**
 * Settings that are not as we set them, as `name = value`: a pooler on the way has dropped `options`, and the role's own
 * are in force. `synchronous_commit` may wait for more than we ask.
 */
export async function notPinned(on: Pick<pg.Pool, "query">): Promise<string[]> {
  const { rows } = await on.query<{ name: string; setting: string }>(
    "select name, setting from pg_settings where name = any ($1) order by name",
    [Object.keys(PINNED)],
  );
  const right = (name: string, setting: string) =>
    name === "synchronous_commit" ? setting !== "off" : setting === PINNED[name];
  return rows.filter(({ name, setting }) => !right(name, setting)).map(({ name, setting }) => `${name} = ${setting}`);
}
