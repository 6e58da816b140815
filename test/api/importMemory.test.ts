// A large import through a real API process: its peak memory as the kernel saw it, and the right error for each wrong row.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { openDatabase } from "../../db/client.ts";
import { signToken } from "../../src/api/token.ts";
import { cli } from "../commands/cli.ts";
import { rowsOf } from "../support/leads.ts";
import { migratedDatabase } from "../support/migrated.ts";
import { sized } from "../support/sizes.ts";
import { xlsxOf } from "../support/xlsx.ts";
import { SECRET } from "./harness.ts";
import { aBusiness } from "./rows.ts";

const SEED = Number(process.env["SEED"] ?? 1);
const ROWS = sized(30_000, 100_000);
/** Of the whole process, which has 140 MB before the first request. */
const MOST_MB = sized(250, 300);
/** Every so many rows one has no number, and one has a wrong one. */
const MISSING_EVERY = 997;
const INVALID_EVERY = 1_009;

interface Sheet {
  cells: string[][];
  /** For each row that must be left out, what is said about it. */
  faults: string[];
}

function aSheet(): Sheet {
  const faults: string[] = [];
  const seen = new Set<string>();
  const cells = rowsOf(ROWS, SEED).map(([name, spelled, ...rest], index) => {
    const row = index + 2;
    if (index % MISSING_EVERY === 5) {
      faults.push(`Row ${row}: no phone number`);
      return [name, "", ...rest];
    }
    if (index % INVALID_EVERY === 7) {
      faults.push(`Row ${row}: not a valid phone number (0501)`);
      return [name, "0501", ...rest];
    }
    const number = spelled.replace(/\D/g, "").slice(-9);
    if (seen.has(number)) faults.push(`Row ${row}: the number appears twice`);
    seen.add(number);
    return [name, spelled, ...rest];
  });
  return { cells: [["שם מלא", "טלפון נייד", "עיר", "הערות"], ...cells], faults };
}

const csvOf = (cells: string[][]) =>
  cells.map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(",")).join("\r\n");
const FILES = { "leads.csv": csvOf, "leads.xlsx": xlsxOf };

/** The most memory that the process has ever had, in MB. */
function peakOf(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024);
}

async function anApiProcess(t: TestContext) {
  const { url } = await migratedDatabase(t);
  const db = openDatabase({ url, name: "test", max: 1 });
  t.after(() => db.$client.end());
  const { id: businessId } = await aBusiness(db);
  const { child, says } = cli(t).start(["api"], { DATABASE_URL: url, JWT_SECRET: SECRET });
  const [, address = ""] = await says(/"url":"(http:[^"]+)"/);
  const token = await signToken({ secret: SECRET, sub: "7", role: "owner", businessId });
  return { db, address, token, peak: () => peakOf(child.pid) };
}

describe(`importing ${ROWS} rows (SEED=${SEED})`, { skip: process.platform !== "linux" && "reads /proc" }, () => {
  const { cells, faults } = aSheet();
  for (const [name, fileOf] of Object.entries(FILES)) {
    it(`takes the API process less than ${MOST_MB} MB for ${name}, and names the wrong rows`, async (t) => {
      const { db, address, token, peak } = await anApiProcess(t);
      const before = peak();
      const form = new FormData();
      form.set("file", new File([fileOf(cells)], name));
      const response = await fetch(`${address}/api/outbound/import-leads`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "accept-language": "en" },
        body: form,
      });
      const answer = (await response.json()) as Record<"imported_count" | "skipped_count", number> & {
        errors: string[];
      };
      t.diagnostic(`${name}: ${before} MB before, ${peak()} MB at its peak`);
      assert.equal(response.status, 200, JSON.stringify(answer));
      assert.deepEqual([answer.imported_count, answer.skipped_count], [ROWS - faults.length, faults.length]);
      const [told, expected] = [answer.errors, faults.slice(0, 20)];
      assert.deepEqual(
        told.map((text, at) => text.slice(0, expected[at]?.length)),
        expected,
      );
      const { rows } = await db.execute(
        "select count(*)::int as n, count(distinct phone_e164)::int as numbers from leads",
      );
      assert.deepEqual(rows, [{ n: answer.imported_count, numbers: answer.imported_count }]);
      assert.ok(peak() < MOST_MB, `${peak()} MB`);
    });
  }
});
