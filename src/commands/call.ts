// `make call LEADS=leads.csv`: imports a file, calls everybody in it, shows the progress, and sums up. Joins a
// `make run` of the same folder, or brings everything for the time of the list.
import { accessSync, constants, statSync } from "node:fs";
import { readConfig, ConfigFaults, type Config } from "../config.ts";
import { signToken } from "../api/token.ts";
import { databaseName } from "../dev/databaseName.ts";
import { jwtSecret } from "../dev/keys.ts";
import { carrierOf, findRunning, type CarrierKind, type Running } from "../dev/runFile.ts";
import { startStack } from "../dev/stack.ts";
import { createLogger } from "../log.ts";
import { DRAIN_MS, endWishes } from "../shutdown.ts";
import { callList, faultsOf, type Place } from "./callList.ts";
import { printSummary } from "./summary.ts";

export interface CallFlags {
  leads?: string;
  business?: string;
  confirm?: string;
}

const WHO_RINGS: Record<CarrierKind, string> = {
  standin: "stand-in: no phone rings",
  own: "a carrier of your own",
  real: "Twilio: real phones ring",
};

const say = (line: string) => console.log(line);

/** @returns the exit code: 0 only if every lead reached an end state */
export async function callCommand(flags: CallFlags): Promise<number> {
  const config = readConfig();
  const running = await findRunning(config.dataDir);
  const file = checkFlags(flags, config, running);
  // Before anything is started: a file without phone numbers needs no database to say so.
  const skipped = await faultsOf(file);
  const wishes = endWishes();
  const { place, close } = await (running ? join(config, running, flags) : start(config, flags));
  try {
    const summary = await callList(place, { file, skipped, wishes });
    if (!summary) return 1;
    printSummary(summary);
    return summary.allEnded ? 0 : 1;
  } finally {
    await close();
    wishes.forget();
  }
}

function checkFlags({ leads, business, confirm }: CallFlags, config: Config, running: Running | undefined): string {
  const carrier = running?.carrier ?? carrierOf(config);
  const faults = running ? mismatches(config, running) : [];
  if (!leads) faults.push("LEADS is required: make call LEADS=leads.csv");
  const unreadable = leads && whyUnreadable(leads);
  if (unreadable) faults.push(`LEADS: ${leads} ${unreadable}`);
  if (business && !/^[1-9]\d{0,9}$/.test(business)) faults.push("BUSINESS must be a whole number above 0");
  if (carrier !== "standin" && !business)
    faults.push("BUSINESS is required with a carrier of your own: whose leads are they?");
  if (carrier === "real" && confirm !== "1")
    faults.push(
      running
        ? "CONFIRM=1 is required: the `make run` of this folder has real Twilio credentials, real phones will ring"
        : "CONFIRM=1 is required with real Twilio credentials: real phones will ring",
    );
  if (config.jwt.jwksUrl) faults.push("JWT_JWKS_URL is set: `make call` needs JWT_SECRET to sign its own token");
  if (faults.length > 0) throw new ConfigFaults(faults);
  return leads ?? "";
}

/** What is set here must be what the running one has; what is not set is taken from it. */
function mismatches(config: Config, running: Running): string[] {
  const faults: string[] = [];
  const { apiUrl, carrier, database } = running;
  const end = "end it, or unset the variable";
  if (config.twilio && carrierOf(config) !== carrier)
    faults.push(
      `TWILIO_ACCOUNT_SID is set, but the \`make run\` of this folder (${apiUrl}) has another carrier (${WHO_RINGS[carrier]}): ${end}`,
    );
  if (config.databaseUrl && databaseName(config.databaseUrl) !== database)
    faults.push(
      `DATABASE_URL is ${databaseName(config.databaseUrl)}, but the \`make run\` of this folder (${apiUrl}) works on ${database}: ${end}`,
    );
  return faults;
}

function whyUnreadable(file: string): string | undefined {
  try {
    if (statSync(file).isDirectory()) return "is a folder";
    accessSync(file, constants.R_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "does not exist" : "cannot be read";
  }
}

interface Joined {
  place: Place;
  close(): Promise<void>;
}

async function join(config: Config, running: Running, { business }: CallFlags): Promise<Joined> {
  say(`joining ${running.apiUrl} (${WHO_RINGS[running.carrier]}; database ${running.database})`);
  return { place: placeAt(config, running.apiUrl, business, running.businesses[0]), close: async () => {} };
}

async function start(config: Config, { business }: CallFlags): Promise<Joined> {
  const log = createLogger(config.logLevel === "info" ? "warn" : config.logLevel);
  // Any free port, since this API is for this list alone; unless PUBLIC_URL leads the carrier to the configured one.
  const port = config.publicUrl ? config.port : 0;
  const stack = await startStack({ config: { ...config, port }, log, calls: "fast", say });
  return {
    place: placeAt(stack.config, stack.apiUrl, business, stack.businesses[0]),
    close: () => stack.stop(DRAIN_MS),
  };
}

function placeAt(
  config: Config,
  apiUrl: string,
  business: string | undefined,
  demo: { id: number; ownerId: number } | undefined,
): Place {
  const businessId = business ? Number(business) : demo?.id;
  if (!businessId) throw new ConfigFaults(["BUSINESS is required: whose leads are they?"]);
  const { issuer, audience } = config.jwt;
  const secret = config.jwt.secret ?? jwtSecret(config.dataDir);
  const sub = String(demo?.id === businessId ? demo.ownerId : 0);
  return { apiUrl, token: () => signToken({ secret, sub, role: "owner", businessId, issuer, audience }) };
}
