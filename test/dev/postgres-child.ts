// A process that starts the embedded Postgres and keeps it, for tests that kill or race such processes.
// Arguments: the data folder, and optionally the module to take startEmbeddedPostgres from.

import type { startEmbeddedPostgres } from "../../src/dev/postgres.ts";

const [dataDir = "", modulePath = new URL("../../src/dev/postgres.ts", import.meta.url).href] = process.argv.slice(2);
const start = ((await import(modulePath)) as { startEmbeddedPostgres: typeof startEmbeddedPostgres })
  .startEmbeddedPostgres;

// The real program drains on SIGINT; here it is enough to survive it.
process.on("SIGINT", () => undefined);
process.on("disconnect", () => process.exit(1));
process.on("message", () => {
  void server.stop().then(() => process.exit(0));
});

const server = await start({
  dataDir,
  settings: { fsync: "off" },
  log: (line) => process.send?.({ log: line }),
});
const { url, port, pid, owner } = server;
process.send?.({ started: { url, port, pid, owner } });
