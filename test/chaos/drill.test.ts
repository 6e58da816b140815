// The fault drill in small: the same conductor as `make chaos`, a fixed seed.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { sized } from "../support/sizes.ts";
import { drill } from "./conductor.ts";

const SEED = Number(process.env["SEED"] ?? 1);
const LEADS = sized(120, 2_000);
const KILLS = sized(9, 100);

it(`every invariant holds under fire (SEED=${SEED} LEADS=${LEADS} KILLS=${KILLS})`, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "ringpost-drill-"));
  const said: string[] = [];
  const result = await drill(t, { seed: SEED, leads: LEADS, kills: KILLS, folder, say: (line) => said.push(line) });
  t.diagnostic(result.figures);
  const replay = `make chaos SEED=${SEED} LEADS=${LEADS} KILLS=${KILLS}; the logs are in ${folder}`;
  assert.ok(result.held, `${result.failures.join("\n")}\n${said.join("\n")}\nreplay with: ${replay}`);
  rmSync(folder, { recursive: true, force: true });
});
