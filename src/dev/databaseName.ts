// A database as people tell it from others: host, port and name, never the user or the password.

/** `db.example:5432/crm`; what the address leaves out is what the driver would take. */
export function databaseName(url: string): string {
  const at = URL.parse(url);
  if (!at) return "the one of DATABASE_URL";
  const host = at.hostname || at.searchParams.get("host") || "localhost";
  const port = at.port || at.searchParams.get("port") || "5432";
  return `${host}:${port}/${at.pathname.slice(1) || at.username || "postgres"}`;
}
