// From a caller to a tenant's door: the only place where a business id is taken from a request, and only for
// system_admin, who has none. Each such use is audited: in the run's trail, or in the log where there is no run.
import type { Context, MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import * as v from "valibot";
import { businessOfRun } from "../../db/system.ts";
import { forTenant, type RunRow, type Tenant } from "../../db/tenant.ts";
import { CodedError } from "../errors.ts";
import type { Caller, Role } from "./auth.ts";
import type { ApiDeps, ApiEnv } from "./deps.ts";
import { idText, WHOLE_NUMBER } from "./schemas.ts";

/** Who may import, delete, clean up and change settings. */
export const MANAGERS: readonly Role[] = ["owner", "admin", "system_admin"];

export const onlyFor =
  (roles: readonly Role[]): MiddlewareHandler<ApiEnv> =>
  async (c, next) => {
    if (!roles.includes(c.get("caller").role)) throw new CodedError("auth.role_missing", "role");
    await next();
  };

const idsIn = (c: Context<ApiEnv>): number[] =>
  Object.values(c.req.param())
    .filter((value) => WHOLE_NUMBER.test(value))
    .map(Number);

export type Access = ReturnType<typeof accessOf>;

export function accessOf({ db, log }: Pick<ApiDeps, "db" | "log">) {
  const open = (caller: Caller, businessId: number): Tenant => {
    const kind = caller.role === "system_admin" ? "system_admin" : "user";
    const userId = WHOLE_NUMBER.test(caller.sub) && Number(caller.sub) <= 2_147_483_647 ? Number(caller.sub) : null;
    return forTenant(db, { businessId, actor: `${kind}:${caller.sub}`, userId }, log);
  };
  return {
    /** The caller's business; a system_admin names one with ?business_id=. Throws business.required | not_found. */
    async business(c: Context<ApiEnv>): Promise<Tenant> {
      const caller = c.get("caller");
      if (caller.businessId !== null) return open(caller, caller.businessId);
      const named = v.safeParse(idText, c.req.query("business_id"));
      if (!named.success) throw new CodedError("business.required", "system_admin must name a business");
      const tenant = open(caller, named.output);
      // Not the path: whatever was typed into it would be in the log.
      const where = { method: c.req.method, route: routePath(c, -1), ids: idsIn(c) };
      log.warn(
        { actor: tenant.door.actor, businessId: named.output, ...where },
        "[AUDIT] A system_admin acts for a business",
      );
      if (!(await tenant.business())) throw new CodedError("business.not_found", "no such business");
      return tenant;
    },

    /** The door of the run's business, and the run. Throws run.not_found, alike for missing and foreign ones. */
    async run(c: Context<ApiEnv>, runId: number): Promise<{ tenant: Tenant; run: RunRow }> {
      const caller = c.get("caller");
      const businessId = caller.businessId ?? (await businessOfRun(db, runId));
      if (businessId === null) {
        log.warn({ runId, actor: `system_admin:${caller.sub}` }, "[SECURITY] Asked for a run that does not exist");
        throw new CodedError("run.not_found", "no such run");
      }
      const tenant = open(caller, businessId);
      const run = await tenant.findRun(runId);
      if (!run) throw new CodedError("run.not_found", "no such run");
      if (caller.role === "system_admin")
        await tenant.record(runId, "system_admin.access", { method: c.req.method, route: c.req.path });
      return { tenant, run };
    },
  };
}
