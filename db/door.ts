// The door to one business's data. Whoever holds a Door can only reach rows of its business: `through` is the one way
// to a transaction, and it hands the business id on from the door, never from an argument of a request. Behind it stands
// the database: the transaction runs as a role that sees the business's rows alone (migrations/0003_tenant_door.sql), so
// that a forgotten filter finds nothing instead of somebody else's data.
import type { Database, Tx } from "./client.ts";
import { inTransactionOpenedBy } from "./transaction.ts";

export interface Door {
  readonly businessId: number;
  /** Who acts, as the audit trail names them: `user:7`, `system_admin:2`, `cli`. */
  readonly actor: string;
  /** The token's `sub` when it is a whole number: created_by_user_id if such a user exists. */
  readonly userId: number | null;
}

const databases = new WeakMap<Door, Database>();

export function openDoor(db: Database, who: Door): Door {
  const door: Door = Object.freeze({ businessId: who.businessId, actor: who.actor, userId: who.userId });
  databases.set(door, db);
  return door;
}

/**
 * Runs `work` in one transaction bound to the door's business. The CRM's tables are views of the business's rows in
 * there, under the same names; what the role may write is granted column by column.
 */
export async function through<T>(door: Door, work: (tx: Tx, businessId: number) => Promise<T>): Promise<T> {
  const db = databases.get(door);
  if (!db) throw new Error("not a door: open one with openDoor");
  return await inTransactionOpenedBy(db, entering(door.businessId), (tx) => work(tx, door.businessId));
}

/** BEGIN takes no parameters, so the number stands in the text: it must be one. */
function entering(businessId: number): string {
  if (!Number.isSafeInteger(businessId)) throw new Error("a business id is a whole number");
  return `select ringpost.enter(${businessId})`;
}
