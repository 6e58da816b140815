// `make run`: the whole product on one machine, until Ctrl-C.
import { readConfig } from "../config.ts";
import { signToken } from "../api/token.ts";
import { createLogger } from "../log.ts";
import { announce, findRunning, withdraw } from "../dev/runFile.ts";
import { startStack } from "../dev/stack.ts";
import { CodedError } from "../errors.ts";
import { untilSignal } from "../shutdown.ts";

export async function runCommand(): Promise<never> {
  const config = readConfig();
  const log = createLogger(config.logLevel);
  const already = await findRunning(config.dataDir);
  if (already)
    throw new CodedError("run.already_running", `already running here: ${already.apiUrl} (process ${already.pid})`);
  const stack = await startStack({ config, log, calls: "realistic", say: (line) => console.log(line) });
  announce(config.dataDir, { pid: process.pid, apiUrl: stack.apiUrl, businesses: stack.businesses });
  await welcome(stack);
  return await untilSignal(log, async (graceMs) => {
    withdraw(config.dataDir);
    await stack.stop(graceMs);
  });
}

async function welcome({
  apiUrl,
  config,
  businesses,
  standInUrl,
}: Awaited<ReturnType<typeof startStack>>): Promise<void> {
  const { secret, issuer, audience } = config.jwt;
  console.log(
    `\nRingpost is running.\n\n  console  ${apiUrl}/console  (sign in with a token from below)\n  API      ${apiUrl}/docs`,
  );
  if (standInUrl) console.log(`  carrier  the built-in stand-in: no phone rings (${standInUrl}/observer/report)`);
  for (const business of businesses) {
    if (!secret) break;
    const who = { sub: String(business.ownerId), role: "owner" as const, businessId: business.id };
    console.log(
      `\n  ${business.name} (business ${business.id}), token:\n  ${await signToken({ secret, issuer, audience, ...who })}`,
    );
  }
  console.log(`\nCtrl-C drains and stops everything.\n`);
}
