// Ports for the embedded server: a stable one per project folder, another one when that is taken.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

/** Below the range that systems hand out for outgoing connections (from 32768), so it stays free more often. */
const FIRST_PORT = 20_000;
const PORTS = 10_000;

export function preferredPort(folder: string): number {
  return FIRST_PORT + (createHash("sha256").update(folder).digest().readUInt32BE() % PORTS);
}

export async function isPortFree(port: number): Promise<boolean> {
  return (await listenOnce(port)) !== undefined;
}

export async function freePort(): Promise<number> {
  const port = await listenOnce(0);
  if (port === undefined) throw new Error("no free port on 127.0.0.1");
  return port;
}

async function listenOnce(port: number): Promise<number | undefined> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  } catch {
    return undefined;
  } finally {
    server.close();
  }
}
