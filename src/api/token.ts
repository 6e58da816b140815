// Signs tokens for development (`make token`, the demo, tests): what the CRM's own sign-in does in production.
import { SignJWT } from "jose";
import type { Role } from "./auth.ts";

export interface TokenWish {
  secret: string;
  /** The user's id. */
  sub: string;
  role: Role;
  /** Left out for system_admin. */
  businessId?: number | undefined;
  issuer?: string | undefined;
  audience?: string | undefined;
  /** Default: a working day. */
  hours?: number;
}

/** A signed HS256 token with the page that outbound calls need. */
export async function signToken(wish: TokenWish): Promise<string> {
  const token = new SignJWT({
    role: wish.role,
    pages: ["calls_outbound"],
    ...(wish.businessId !== undefined && { business_id: wish.businessId }),
  })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(wish.sub)
    .setIssuedAt()
    .setExpirationTime(`${wish.hours ?? 12}h`);
  if (wish.issuer !== undefined) token.setIssuer(wish.issuer);
  if (wish.audience !== undefined) token.setAudience(wish.audience);
  return await token.sign(new TextEncoder().encode(wish.secret));
}
