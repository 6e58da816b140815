// `make call LEADS=leads.csv`: imports a file, calls everybody in it, shows the progress, and sums up. Joins a
// `make run` of the same folder, or brings everything for the time of the list.
import { readConfig, ConfigFaults, type Config } from "../config.ts";
import { signToken } from "../api/token.ts";
import { jwtSecret } from "../dev/keys.ts";
import { findRunning } from "../dev/runFile.ts";
import { startStack } from "../dev/stack.ts";
import { createLogger } from "../log.ts";
import { DRAIN_MS } from "../shutdown.ts";
import { callList, type Place } from "./callList.ts";
import { printSummary } from "./summary.ts";

export interface CallFlags {
  leads?: string;
  business?: string;
  confirm?: string;
}

/** @returns the exit code: 0 only if every lead reached an end state */
export async function callCommand(flags: CallFlags): Promise<number> {
  const config = readConfig();
  const file = checkFlags(flags, config);
  const { place, close } = await joinOrStart(config, flags.business);
  try {
    const summary = await callList(place, file);
    printSummary(summary);
    return summary.allEnded ? 0 : 1;
  } finally {
    await close();
  }
}

function checkFlags(flags: CallFlags, config: Config): string {
  const faults: string[] = [];
  if (!flags.leads) faults.push("LEADS is required: make call LEADS=leads.csv");
  if (flags.business && !/^[1-9]\d{0,9}$/.test(flags.business)) faults.push("BUSINESS must be a whole number above 0");
  if (config.twilio && !flags.business)
    faults.push("BUSINESS is required with a carrier of your own: whose leads are they?");
  if (config.twilio?.real && flags.confirm !== "1")
    faults.push("CONFIRM=1 is required with real Twilio credentials: real phones will ring");
  if (config.jwt.jwksUrl) faults.push("JWT_JWKS_URL is set: `make call` needs JWT_SECRET to sign its own token");
  if (faults.length > 0) throw new ConfigFaults(faults);
  return flags.leads ?? "";
}

async function joinOrStart(
  config: Config,
  business: string | undefined,
): Promise<{ place: Place; close: () => Promise<void> }> {
  const running = await findRunning(config.dataDir);
  if (running) {
    console.log(`joining ${running.apiUrl}`);
    const place = await placeAt(config, running.apiUrl, business, running.businesses[0]);
    return { place, close: async () => {} };
  }
  const log = createLogger(config.logLevel === "info" ? "warn" : config.logLevel);
  // Any free port: this API is for this list alone.
  const wishes = {
    config: { ...config, port: 0 },
    log,
    calls: "fast" as const,
    say: (line: string) => console.log(line),
  };
  const stack = await startStack(wishes);
  return {
    place: await placeAt(stack.config, stack.apiUrl, business, stack.businesses[0]),
    close: () => stack.stop(DRAIN_MS),
  };
}

async function placeAt(
  config: Config,
  apiUrl: string,
  business: string | undefined,
  demo: { id: number; ownerId: number } | undefined,
): Promise<Place> {
  const businessId = business ? Number(business) : demo?.id;
  if (!businessId) throw new ConfigFaults(["BUSINESS is required: whose leads are they?"]);
  const { issuer, audience } = config.jwt;
  const secret = config.jwt.secret ?? jwtSecret(config.dataDir);
  const sub = String(demo?.id === businessId ? demo.ownerId : 0);
  return { apiUrl, token: () => signToken({ secret, sub, role: "owner", businessId, issuer, audience }) };
}
