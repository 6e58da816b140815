// `make run`: the whole product on one machine, until Ctrl-C.
import { join } from "node:path";
import { readConfig } from "../config.ts";
import { signToken } from "../api/token.ts";
import { createLogger } from "../log.ts";
import { databaseName } from "../dev/databaseName.ts";
import { announce, carrierOf, findRunning, withdraw } from "../dev/runFile.ts";
import { startStack, type Stack } from "../dev/stack.ts";
import { CodedError } from "../errors.ts";
import { untilSignal } from "../shutdown.ts";

/** @throws ConfigFaults; CodedError run.already_running */
export async function runCommand(): Promise<never> {
  const config = readConfig();
  const log = createLogger(config.logLevel);
  const already = await findRunning(config.dataDir);
  if (already)
    throw new CodedError("run.already_running", `already running here: ${already.apiUrl} (process ${already.pid})`);
  const stack = await startStack({ config, log, calls: "realistic", say: (line) => console.log(line) });
  const { apiUrl, businesses } = stack;
  const database = databaseName(stack.databaseUrl);
  announce(config.dataDir, { pid: process.pid, apiUrl, carrier: carrierOf(config), database, businesses });
  await welcome(stack);
  return await untilSignal(log, async (graceMs) => {
    withdraw(config.dataDir);
    await stack.stop(graceMs);
  });
}

async function welcome({ apiUrl, config, databaseUrl, businesses, standInUrl }: Stack): Promise<void> {
  const { secret, issuer, audience } = config.jwt;
  console.log(
    `\nRingpost is running.\n\n  console  ${apiUrl}/console  (sign in with a token${businesses.length > 0 ? " from below" : ""})\n  API      ${apiUrl}/docs`,
  );
  console.log(`  database ${databaseName(databaseUrl)}${config.databaseUrl ? "" : embedded(config.dataDir)}`);
  if (standInUrl) console.log(`  carrier  the built-in stand-in: no phone rings (${standInUrl}/observer/report)`);
  if (businesses.length === 0) console.log(`  token    ${howToSignIn(secret !== undefined)}`);
  for (const business of businesses) {
    if (!secret) break;
    const who = { sub: String(business.ownerId), role: "owner" as const, businessId: business.id };
    console.log(
      `\n  ${business.name} (business ${business.id}), token:\n  ${await signToken({ secret, issuer, audience, ...who })}`,
    );
  }
  console.log(`\nCtrl-C drains and stops everything.\n`);
}

const embedded = (dataDir: string) => ` (user postgres; the password is in ${join(dataDir, "postgres.json")})`;

/** With a carrier of one's own there are no demo businesses, so nobody to make a token for. */
const howToSignIn = (ours: boolean) =>
  ours
    ? "make token BUSINESS=<id>, an id of the table business; is it empty?\n" +
      "           insert into business (name, phone_number) values ('Ours', '<your caller id>')"
    : "one that the owner of JWT_JWKS_URL signs";
