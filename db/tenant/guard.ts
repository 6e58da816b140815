// The second look: behind each query, every row's business is compared with the door's again, so that a wrong WHERE
// becomes a line in the log and a 404 instead of somebody else's data.
import type { Door } from "../door.ts";

/** What is needed of a logger; pino fits. */
export interface SecurityLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface Guard {
  /** The row if it is the door's own; undefined (and a [SECURITY] line) if it is missing or foreign. */
  one<T extends { businessId: number }>(row: T | undefined, what: string, id: number): T | undefined;
  /** The rows that are the door's own. Without a bug, all of them. */
  own<T extends { businessId: number }>(rows: T[], what: string): T[];
}

export function guardOf(door: Door, log: SecurityLog): Guard {
  const mine = (row: { businessId: number }, what: string, id?: number): boolean => {
    if (row.businessId === door.businessId) return true;
    const { businessId, actor } = door;
    log.error({ what, id, businessId, found: row.businessId, actor }, "[SECURITY] Business ID mismatch");
    return false;
  };
  return {
    one(row, what, id) {
      if (row && mine(row, what, id)) return row;
      // Missing and foreign alike: looking outside the tenant to tell them apart would be the leak itself.
      if (!row) {
        log.warn(
          { what, id, businessId: door.businessId, actor: door.actor },
          "[SECURITY] Asked for an id that the business does not have",
        );
      }
      return undefined;
    },
    own: (rows, what) => rows.filter((row) => mine(row, what)),
  };
}
