// The API's only door to the data: a closure over one business. No method takes a tenant id, so no handler can forget
// or confuse one; what a method returns has been compared with the business once more behind its query.
import type { Database } from "./client.ts";
import { openDoor, type Door } from "./door.ts";
import { callQueries } from "./tenant/calls.ts";
import { deleteLeadQueries } from "./tenant/deleteLeads.ts";
import { guardOf, type SecurityLog } from "./tenant/guard.ts";
import { importQueries } from "./tenant/import.ts";
import { jobQueries } from "./tenant/jobs.ts";
import { leadQueries } from "./tenant/leads.ts";
import { runQueries } from "./tenant/runs.ts";
import { settingsQueries } from "./tenant/settings.ts";
import { watchQueries } from "./tenant/watch.ts";

export type { Database } from "./client.ts";
export type { Door } from "./door.ts";
export { OnceRefused, type Once } from "./once.ts";
export type { SecurityLog } from "./tenant/guard.ts";
export type { Mark, Page } from "./tenant/page.ts";
export type { CallRow, ResultRow } from "./tenant/calls.ts";
export type { NewLead } from "./tenant/import.ts";
export type { JobRow } from "./tenant/jobs.ts";
export type { LeadFilter, LeadRow } from "./tenant/leads.ts";
export type { AuditRow, RunRow } from "./tenant/runs.ts";
export type { Settings, SettingsChange } from "./tenant/settings.ts";

export type Tenant = ReturnType<typeof forTenant>;

/**
 * Everything the API may read or write of the caller's business. Reads of one thing by id answer undefined when it is
 * missing or another business's (nobody can tell which), and leave a [SECURITY] line in `log`.
 */
export function forTenant(db: Database, caller: Door, log: SecurityLog) {
  const door = openDoor(db, caller);
  const guard = guardOf(door, log);
  return Object.freeze({
    /** For the functions of the queue core, which take a Door. */
    door,
    ...runQueries(door, guard),
    ...jobQueries(door, guard),
    ...leadQueries(door, guard),
    ...deleteLeadQueries(door, guard),
    ...importQueries(door),
    ...callQueries(door, guard),
    ...watchQueries(door, guard),
    ...settingsQueries(door, guard),
  });
}
