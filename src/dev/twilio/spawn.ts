// Starts a stand-in in a process of its own and gives it the same face as one in this process.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { connectObserver } from "./client.ts";
import type { StandInOptions } from "./options.ts";
import type { StandIn } from "./standIn.ts";

/** It ends with this process, however that dies. Rejects if it ends before it listens. */
export async function spawnStandIn(options: StandInOptions = {}): Promise<StandIn & { pid: number }> {
  const script = fileURLToPath(new URL("process.ts", import.meta.url));
  const argument = JSON.stringify({ ...options, endWithInput: true });
  const child = spawn(process.execPath, [script, argument], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const line = once(createInterface({ input: child.stdout }), "line") as Promise<[string]>;
  const [first] = await Promise.race([
    line,
    exited.then(([code]): never => {
      throw new Error(`the stand-in ended with ${String(code)} before it listened`);
    }),
  ]);
  const { url, accountSid, authToken } = JSON.parse(first) as Pick<StandIn, "url" | "accountSid" | "authToken">;
  const close = async (): Promise<void> => {
    child.kill("SIGTERM");
    await exited;
  };
  return {
    ...connectObserver(url),
    url,
    accountSid,
    authToken,
    close,
    pid: child.pid ?? 0,
    [Symbol.asyncDispose]: close,
  };
}
