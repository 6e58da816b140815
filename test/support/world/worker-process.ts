// A worker as a process of its own: its setup as one JSON argument, its boot id on standard output when it is ready.
// It ends in order on SIGTERM, and when its standard input closes because the test has gone.
import { createLogger } from "../../../src/log.ts";
import { startWorker } from "../../../src/worker.ts";
import { diallerOf, type WorkerSetup } from "./workers.ts";

const GRACE_MS = 2_000;

const setup = JSON.parse(process.argv[2] ?? "{}") as WorkerSetup;
// JSON has no Infinity.
setup.limits.callsPerSecond ??= Infinity;

const worker = await startWorker({
  databaseUrl: setup.databaseUrl,
  publicUrl: setup.publicUrl,
  limits: setup.limits,
  dialler: diallerOf(setup),
  log: createLogger("error"),
});

let ending: Promise<void> | undefined;
const end = () => (ending ??= worker.stop(GRACE_MS).finally(() => process.exit()));
process.on("SIGTERM", () => void end());
process.stdin.on("end", () => void end()).resume();
process.stdout.write(`${worker.identity.id}\n`);
