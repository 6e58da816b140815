// `make token BUSINESS=1 ROLE=owner USER=7`: a signed development token, and nothing else, on standard output.
import * as v from "valibot";
import { ROLES } from "../api/auth.ts";
import { signToken } from "../api/token.ts";
import { ConfigFaults, readConfig } from "../config.ts";
import { jwtSecret } from "../dev/keys.ts";

const id = v.pipe(v.string(), v.regex(/^[1-9]\d{0,9}$/, "must be a whole number above 0"));

export interface TokenFlags {
  business?: string;
  role?: string;
  user?: string;
}

/** @throws ConfigFaults with everything that is wrong */
export async function tokenCommand(flags: TokenFlags): Promise<void> {
  const { business = "", role = "owner", user = "1" } = flags;
  const faults: string[] = [];
  if (!(ROLES as readonly string[]).includes(role)) faults.push(`ROLE must be one of ${ROLES.join(", ")}`);
  if (!v.is(id, user)) faults.push("USER must be a whole number above 0");
  if (business === "" ? role !== "system_admin" : !v.is(id, business))
    faults.push(`BUSINESS must be a whole number above 0${role === "system_admin" ? ", or absent" : ""}`);
  const config = readConfig();
  if (config.jwt.jwksUrl) faults.push("JWT_JWKS_URL is set: only the owner of those keys can sign");
  if (faults.length > 0) throw new ConfigFaults(faults);
  const token = await signToken({
    secret: config.jwt.secret ?? jwtSecret(config.dataDir),
    sub: user,
    role: role as (typeof ROLES)[number],
    businessId: business === "" ? undefined : Number(business),
    issuer: config.jwt.issuer,
    audience: config.jwt.audience,
  });
  console.log(token);
}
