// Known holes in the packages: `npm audit`, where the registry answers it. One that does not (a mirror, a machine without
// a network) is told in one line and fails nothing; a finding does.
import { spawnSync } from "node:child_process";

export interface Verdict {
  failed: boolean;
  /** Nothing to say about packages without a finding. */
  says: string | undefined;
}

/** @param printed what `npm audit --json` wrote to standard output */
export function verdictOf(printed: string): Verdict {
  const report = parsed(printed);
  const found = report.metadata?.vulnerabilities?.total;
  if (found === undefined) {
    const reason = report.message?.split(" - ")[0] ?? "no answer";
    return { failed: false, says: `npm audit: not made, the registry does not answer it (${reason})` };
  }
  if (found === 0) return { failed: false, says: undefined };
  const packages = Object.entries(report.vulnerabilities ?? {}).map(([name, { severity, via = [] }]) => {
    const why = via.map((cause) => (typeof cause === "string" ? cause : `${cause.title} ${cause.url}`));
    return `  ${name} (${severity}): ${why.join(", ")}`;
  });
  return { failed: true, says: `npm audit: ${found} packages with known holes\n${packages.join("\n")}` };
}

interface Report {
  message?: string;
  metadata?: { vulnerabilities?: { total?: number } };
  vulnerabilities?: Record<string, { severity: string; via?: (string | { title: string; url: string })[] }>;
}

function parsed(printed: string): Report {
  try {
    return JSON.parse(printed) as Report;
  } catch {
    return {};
  }
}

if (import.meta.main) {
  const flags = ["audit", "--json", "--fetch-retries=0", "--fetch-timeout=20000"];
  const { failed, says } = verdictOf(spawnSync("npm", flags, { encoding: "utf8" }).stdout ?? "");
  if (says !== undefined) console.error(says);
  if (failed) process.exitCode = 1;
}
