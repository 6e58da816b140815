// One process of the fault drill: the real commands' code with ears for the conductor's orders, which the real commands
// do not have. `node process.ts worker|api|reap <name> <folder>`; one line on standard output when it is ready.
import { openDatabase } from "../../db/client.ts";
import { openApi } from "../../src/commands/api.ts";
import { openWorker } from "../../src/commands/worker.ts";
import { readConfig } from "../../src/config.ts";
import { twilioDialler } from "../../src/dialling/twilio.ts";
import { limitsOf } from "../../src/limits.ts";
import { createLogger } from "../../src/log.ts";
import { reap } from "../../src/runs/reap.ts";
import { showStrayErrorsPlainly, untilSignal } from "../../src/shutdown.ts";
import { identify } from "../../src/worker/identity.ts";
import { obey } from "./orders.ts";

showStrayErrorsPlainly();
const [role, name = "", folder = ""] = process.argv.slice(2);
const config = readConfig(process.env, ["DATABASE_URL", "carrier", "jwt"]);
const log = createLogger(config.logLevel);
const reached = obey(folder, name);
const common = { config, databaseUrl: config.databaseUrl ?? "", log, reached };
const ready = () => process.stdout.write("ready\n");
// It must not outlive a conductor that was killed.
process.stdin.on("end", () => process.exit(3)).resume();

if (role === "worker") {
  const worker = await openWorker({ ...common, publicUrl: config.publicUrl ?? "", standIn: false });
  ready();
  await untilSignal(log, (graceMs) => worker.stop(graceMs));
} else if (role === "api") {
  const api = await openApi({ ...common, port: config.port, standIn: false });
  ready();
  await untilSignal(log, (graceMs) => api.close(graceMs));
} else {
  const db = openDatabase({ url: common.databaseUrl, name: "ringpost reap", max: 4 });
  const dialler = config.twilio ? twilioDialler({ ...config.twilio, timeoutMs: config.postTimeoutMs }) : null;
  const reaper = { db, log, limits: limitsOf(config, false), worker: identify(), reached };
  process.stdout.write(`${JSON.stringify(await reap(reaper, dialler))}\n`);
  await db.$client.end();
  process.exit(0);
}
