// Who is using the page: the token, kept for this tab only (sessionStorage), sent in a header only, never in a URL.

const TOKEN = "ringpost.token";
const BUSINESS = "ringpost.business";

export const token = () => sessionStorage.getItem(TOKEN);

/** @param {string} text what was pasted, with or without "Bearer" @param {string} [business] for a system_admin */
export function signIn(text, business = "") {
  sessionStorage.setItem(TOKEN, text.trim().replace(/^bearer\s+/i, ""));
  sessionStorage.setItem(BUSINESS, business.trim());
}

export function signOut() {
  sessionStorage.removeItem(TOKEN);
  sessionStorage.removeItem(BUSINESS);
}

/** What the token says of itself: to show, and to leave out what would be refused. The server checks; we don't. */
export function who() {
  const claims = claimsOf(token() ?? "");
  const role = String(claims["role"] ?? "");
  const named = sessionStorage.getItem(BUSINESS);
  return {
    role,
    business: String(claims["business_id"] ?? named ?? ""),
    /** Sent along by those who belong to no business. */
    named: role === "system_admin" && named ? named : undefined,
    manages: ["owner", "admin", "system_admin"].includes(role),
  };
}

/** @param {string} jwt @returns {Record<string, string | number | undefined>} */
export function claimsOf(jwt) {
  try {
    const part = (jwt.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (c) => c.charCodeAt(0)))) ?? {};
  } catch {
    return {};
  }
}

/**
 * How many times longer than usual to wait before looking again: each look of a system_admin at a run is written into its
 * audit trail.
 */
export const patience = () => (who().role === "system_admin" ? 12 : 1);
