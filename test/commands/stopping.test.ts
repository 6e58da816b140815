// Ctrl-C in `make call`: the first stops the run and waits for its calls, the second does not; neither leaves a server.
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { joinEmbeddedPostgres } from "../../src/dev/postgres.ts";
import { cli } from "./cli.ts";

/** Signals that are closer together count as one. */
const NO_ECHO_MS = 600;

describe("call, interrupted", () => {
  it("stops the run, tells what it waits for, and takes its Postgres along", { timeout: 120_000 }, async (t) => {
    const { start, dataDir } = cli(t);
    const file = join(dataDir, "leads.csv");
    const numbers = Array.from({ length: 300 }, (_, n) => `05212${String(30_000 + n)}`);
    writeFileSync(file, `phone\n${numbers.join("\n")}\n`);
    for (const [signal, again] of [
      ["SIGINT", false],
      ["SIGHUP", true],
    ] as const) {
      const call = start(["call", "--leads", file]);
      await call.says(/^run \d+: 300 leads$/m, 60_000);
      await call.says(/^\d+ % \(\d+ of 300, [1-9]\d* live\)$/m);
      call.child.kill(signal);
      await call.says(/^stopping, \d+ calls still live/m);
      if (again) {
        await sleep(NO_ECHO_MS);
        call.child.kill(signal);
      }
      await call.exited;
      if (!again) assert.match(call.text(), /^the run is stopped$/m);
      assert.equal(await joinEmbeddedPostgres(join(dataDir, "postgres")), undefined, call.text());
      assert.ok(!existsSync(join(dataDir, "postgres", "postmaster.pid")));
    }
  });
});
