// A Node program run to its end; its standard error goes on to ours.
import { spawn } from "node:child_process";
import { once } from "node:events";

/** @returns what it wrote to standard output. Throws when it ends with another code than 0. */
export async function outputOf(args: string[], env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code ?? signal}:\n${out}`);
  return out;
}
