// The commands: `node src/main.ts <command>`. What each does stands in the README and in `make`.
import "./quickStart.ts";
import { parseArgs } from "node:util";
import { MigrationRefused } from "../db/refused.ts";
import { ConfigFaults } from "./config.ts";
import { CodedError } from "./errors.ts";
import { showStrayErrorsPlainly } from "./shutdown.ts";
import { startFault } from "./startFaults.ts";

type Command = (flags: Record<string, string | undefined>) => Promise<number | void>;

// Imported when asked for: `token` must not load the carrier's SDK.
const COMMANDS: Record<string, () => Promise<Command>> = {
  run: async () => (await import("./commands/run.ts")).runCommand,
  call: async () => (await import("./commands/call.ts")).callCommand,
  api: async () => (await import("./commands/api.ts")).apiCommand,
  worker: async () => (await import("./commands/worker.ts")).workerCommand,
  migrate: async () => (await import("./commands/migrate.ts")).migrateCommand,
  reap: async () => (await import("./commands/reap.ts")).reapCommand,
  openapi: async () => (await import("./commands/openapi.ts")).openapiCommand,
  token: async () => (await import("./commands/token.ts")).tokenCommand,
};

/** The program was not asked right: its configuration or its arguments. */
const EXIT_USAGE = 2;

async function main(): Promise<number> {
  const [name = "", ...rest] = process.argv.slice(2);
  const load = COMMANDS[name];
  if (!load) {
    console.error(`usage: node src/main.ts ${Object.keys(COMMANDS).join("|")}`);
    return EXIT_USAGE;
  }
  const text = { type: "string" } as const;
  const options = { leads: text, business: text, confirm: text, role: text, user: text, plan: text, cutover: text };
  try {
    const { values } = parseArgs({ args: rest, options });
    // `make` passes on what was not given as empty.
    const flags = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
    return (await (await load())(flags)) ?? 0;
  } catch (error) {
    if (error instanceof ConfigFaults) {
      console.error(error.message);
      return EXIT_USAGE;
    }
    if (error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS")) {
      console.error(error.message);
      return EXIT_USAGE;
    }
    if (error instanceof MigrationRefused) {
      console.error(error.message);
      return 1;
    }
    if (error instanceof CodedError) {
      console.error(`${error.message} (${error.code})`);
      return 1;
    }
    const fault = startFault(error);
    if (!fault) throw error;
    console.error(fault);
    return 1;
  }
}

showStrayErrorsPlainly();
process.exitCode = await main();
