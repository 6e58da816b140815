// Ordinary faults of a start: one sentence that names the variable, no stack, exit 1.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { migratedDatabase } from "../support/migrated.ts";
import { cli } from "./cli.ts";

describe("a start that cannot be", () => {
  it("says which variable to look at", { timeout: 60_000 }, async (t) => {
    const { run } = cli(t);
    const { url } = await migratedDatabase(t);
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    t.after(() => taken.close());
    const changed = (change: Partial<URL>) => Object.assign(new URL(url), change).href;
    const port = String((taken.address() as AddressInfo).port);
    for (const [code, variable, env] of [
      ["28P01", "DATABASE_URL", { DATABASE_URL: changed({ password: "hunter2" }) }],
      ["3D000", "DATABASE_URL", { DATABASE_URL: changed({ pathname: "/nowhere" }) }],
      ["ECONNREFUSED", "DATABASE_URL", { DATABASE_URL: changed({ port: "1" }) }],
      ["(ENOTFOUND|EAI_AGAIN)", "DATABASE_URL", { DATABASE_URL: changed({ hostname: "nowhere.invalid" }) }],
      ["EADDRINUSE", "PORT", { DATABASE_URL: url, PORT: port }],
    ] as const) {
      const { code: exit, err } = await run(["api"], { JWT_SECRET: "x".repeat(32), LOG_LEVEL: "error", ...env });
      assert.equal(exit, 1, err);
      assert.match(err, new RegExp(`^[^\\n]*${variable}[^\\n]*${code}[^\\n]*\\n$`));
      assert.doesNotMatch(err, /hunter2/);
    }
  });
});
