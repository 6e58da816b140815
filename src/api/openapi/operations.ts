// Every route of the application, one row each.
import type { Operation } from "./operation.ts";
import { LEADS } from "./operations/leads.ts";
import { MOVING } from "./operations/moving.ts";
import { REST } from "./operations/rest.ts";
import { WATCHING } from "./operations/watching.ts";

export const OPERATIONS: readonly Operation[] = [...MOVING, ...WATCHING, ...LEADS, ...REST];
