// Whether a host can be reached from the internet, as far as its name says. Pure: no look-up, which could answer
// differently when the carrier asks.
import { BlockList, isIP } from "node:net";

/** Loopback, private, link-local, shared and unspecified addresses. */
const NOT_PUBLIC = new BlockList();
for (const [net, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
] as const)
  NOT_PUBLIC.addSubnet(net, bits, "ipv4");
for (const [net, bits] of [
  ["::", 127],
  ["fc00::", 7],
  ["fe80::", 10],
] as const)
  NOT_PUBLIC.addSubnet(net, bits, "ipv6");

/** False for localhost, for names without a dot, and for addresses of a machine or a network of its own. */
export function isPublic(url: string): boolean {
  // URL writes an address in one way only: 127.1 and 0x7f000001 are 127.0.0.1 here.
  const host = URL.parse(url)?.hostname.replace(/^\[|\]$|\.$/g, "") ?? "";
  const family = isIP(host);
  if (family !== 0) return !NOT_PUBLIC.check(host, family === 4 ? "ipv4" : "ipv6");
  return host.includes(".") && !/\.(localhost|local|internal)$/.test(host);
}
