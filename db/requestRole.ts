// The role that requests run as. Roles belong to the cluster, not to the database: it may exist already, be made by
// twenty migrators of other databases at this moment, or be an administrator's to make.
import type pg from "pg";
import { pgCode } from "./pgErrors.ts";
import { RequestRoleMissing } from "./refused.ts";

export const REQUEST_ROLE = "ringpost_request";

type Client = Pick<pg.Client, "query">;

/** insufficient_privilege */
const DENIED = "42501";
/** Somebody else made the same role or membership just now: duplicate_object, unique_violation, "tuple concurrently updated". */
const RACED = new Set(["42710", "23505", "XX000"]);
const MAX_TRIES = 20;

/** Makes the role and lets the connected user act as it. Safe to repeat, and to run anywhere at once. */
export async function ensureRequestRole(client: Client): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      return await makeRole(client);
    } catch (error) {
      if (tried >= MAX_TRIES || !RACED.has(pgCode(error) ?? "")) throw error;
    }
  }
}

async function makeRole(client: Client): Promise<void> {
  const { rows } = await client.query<{ exists: boolean; me: string; modern: boolean }>(
    `select exists (select from pg_roles where rolname = '${REQUEST_ROLE}') as exists, quote_ident(current_user) as me,
            current_setting('server_version_num')::int >= 160000 as modern`,
  );
  const { exists, me = "", modern } = rows[0] ?? {};
  // Not inherited: the connecting user needs none of its rights, it only becomes the role. Before 16 that is not said here.
  const grant = `grant ${REQUEST_ROLE} to ${me}${modern ? " with inherit false, set true" : ""}`;
  const create = `create role ${REQUEST_ROLE} nologin nobypassrls`;
  if (!exists) await attempt(client, create, `${create}; ${grant};`);
  if (!(await mayBecome(client, modern ?? false))) await attempt(client, grant, `${grant};`);
  await requireHarmless(client);
}

async function attempt(client: Client, sql: string, forAdmin: string): Promise<void> {
  try {
    await client.query(sql);
  } catch (error) {
    if (pgCode(error) === DENIED) throw new RequestRoleMissing(forAdmin);
    throw error;
  }
}

async function mayBecome(client: Client, modern: boolean): Promise<boolean> {
  const { rows } = await client.query<{ ok: boolean }>("select pg_has_role(current_user, $1, $2) as ok", [
    REQUEST_ROLE,
    modern ? "SET" : "MEMBER",
  ]);
  return rows[0]?.ok ?? false;
}

/** A role of that name with more rights than none would be a hole where the second wall should stand. */
async function requireHarmless(client: Client): Promise<void> {
  const { rows } = await client.query<{ strong: boolean }>(
    "select rolsuper or rolbypassrls or rolcanlogin as strong from pg_roles where rolname = $1",
    [REQUEST_ROLE],
  );
  if (rows[0]?.strong) throw new RequestRoleMissing(`alter role ${REQUEST_ROLE} nosuperuser nobypassrls nologin;`);
}
