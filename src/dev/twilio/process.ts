// The stand-in as a process of its own: options as one JSON argument, one JSON line on standard output when it listens.

import type { StandInOptions } from "./options.ts";
import { startStandIn } from "./standIn.ts";

/** `endWithInput` ends the process when its standard input closes, so that it never outlives a parent that was killed. */
const { endWithInput, ...options } = JSON.parse(process.argv[2] ?? "{}") as StandInOptions & { endWithInput?: boolean };
const standIn = await startStandIn(options);
const { url, accountSid, authToken } = standIn;

let ending = false;
async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  process.stdin.destroy();
  await standIn.close();
}
process.once("SIGTERM", () => void end());
// Ctrl-C reaches a whole group of processes: then the parent decides when we end, so that it can drain its calls first.
process.on("SIGINT", () => void (endWithInput || end()));
if (endWithInput) process.stdin.on("end", () => void end()).resume();
process.stdout.write(`${JSON.stringify({ url, accountSid, authToken })}\n`);
